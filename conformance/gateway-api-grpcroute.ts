/**
 * `gateway_api_grpcroute.json`: gRPC calls, run as the HTTP requests that they are: POST /<service>/<method>. A gRPC status
 * travels in trailers, which a Worker cannot pass on; the statuses of HTTP that they are mapped to stand for them.
 */
import type { CaseRequest, Form } from "./form.ts"
import {
  type Fields,
  type GatewayApiCase,
  type GatewayApiTest,
  isTestList,
  list,
  readTests,
  record,
  text,
} from "./gateway-api.ts"
import { gatewayDoors } from "./gateway-api-httproute.ts"

export const grpcRouteForm: Form = {
  name: "Gateway API GRPCRoute",
  takes: (file, content) => isTestList(content) && /grpcroute/i.test(file) && !/mesh/i.test(file),
  read: (content) =>
    readTests(content as GatewayApiTest[], () => ({
      doors: gatewayDoors,
      request: grpcRequest,
      statuses: grpcStatuses,
    })),
}

/** The service of the echo server that upstream's cases call. */
const ECHO_SERVICE = "gateway_api_conformance.echo_basic.grpcecho.GrpcEcho"
/** gRPC's codes as a proxy answers them over HTTP. */
const STATUSES: Readonly<Record<string, readonly number[]>> = {
  OK: [200],
  UNIMPLEMENTED: [404],
  UNAVAILABLE: [500, 503],
  DEADLINEEXCEEDED: [504],
}
/** By their numbers. */
const CODES = (
  "OK CANCELLED UNKNOWN INVALIDARGUMENT DEADLINEEXCEEDED NOTFOUND ALREADYEXISTS PERMISSIONDENIED RESOURCEEXHAUSTED " +
  "FAILEDPRECONDITION ABORTED OUTOFRANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATALOSS UNAUTHENTICATED"
).split(" ")

export function grpcRequest({ request = {} }: GatewayApiCase): Partial<CaseRequest> {
  const metadata = Object.entries(record(request.metadata)).map(([name, value]) => [name, String(value)] as const)
  const headers = Object.entries(record(request.headers)).map(([name, value]) => [name, String(value)] as const)
  const path = text(request.path)
  const service = text(request.service) ?? ECHO_SERVICE
  // A case that says nothing but a path, or an HTTP method in the method's place, is taken as it is.
  const named = text(request.rpc) ?? text(request.rpcMethod) ?? text(request.grpcMethod) ?? text(request.method)
  const method = named === undefined || /^[A-Z]+$/.test(named) ? "Echo" : named
  const isHttp = path !== undefined && path.length > 1
  const authority = text(request.authority) ?? text(request.host)
  return {
    method: "POST",
    target: isHttp ? path : `/${service}/${method}`,
    headers: [["content-type", "application/grpc"], ...headers, ...metadata],
    ...(authority !== undefined && { host: authority }),
  }
}

export function grpcStatuses(expect: Fields): readonly number[] | undefined {
  const stated = list(expect.grpcStatus ?? expect.grpcCode ?? expect.code ?? expect.status)
  if (stated.length === 0) return [200]
  return stated.flatMap((one) => {
    const isHttp = typeof one === "number" && one >= CODES.length
    if (isHttp) return [one]
    const name = typeof one === "number" ? CODES[one]! : String(one).toUpperCase().replaceAll("_", "")
    return STATUSES[name] ?? [500]
  })
}
