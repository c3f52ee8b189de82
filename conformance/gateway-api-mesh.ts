/**
 * `gateway_api_mesh.json`: a service of the mesh calls another one. The address that it calls is a Service's; which one is
 * said by a binding here, so that a Host header of another name changes nothing.
 */
import type { Door, Form } from "./form.ts"
import { type GatewayApiCase, type GatewayApiTest, isTestList, readTests, record, text } from "./gateway-api.ts"
import { grpcRequest, grpcStatuses } from "./gateway-api-grpcroute.ts"
import type { KubernetesObject } from "./pods.ts"

export const meshForm: Form = {
  name: "Gateway API mesh",
  takes: (file, content) =>
    isTestList(content) &&
    (/mesh/i.test(file) || content.some(({ cases = [] }) => cases.some((one) => one.client !== undefined))),
  read: (content) =>
    readTests(content as GatewayApiTest[], ({ test }) => {
      const grpc = /grpc/i.test(test) ? { request: grpcRequest, statuses: grpcStatuses } : {}
      return { doors: sidecarDoors, ...grpc }
    }),
}

/** Names by which a case may say which Service is called, apart from the Host header. */
const ADDRESS_KEYS = ["address", "addressed", "addressedService", "service", "to", "target", "destination"]

function sidecarDoors(
  _: GatewayApiTest,
  one: GatewayApiCase,
  objects: readonly KubernetesObject[],
): readonly Door[] | string {
  const from = clientOf(one, objects)
  if (from === undefined) return "it names no client"
  const fields = { ...record(one.request), ...record((one as { address?: unknown }).address) }
  const address = ADDRESS_KEYS.map(
    (key) => text((one as unknown as Record<string, unknown>)[key]) ?? text(fields[key]),
  ).find((value) => value !== undefined && value !== "")
  const host = address ?? text(fields.host)
  if (host === undefined) return "it names no service to call"
  if (/^[\d.]+(:\d+)?$|^\[|[<>{}]|pod/i.test(host)) return "it calls the address of a pod, and Workers have none"
  const to = serviceOf(host, from.slice(0, from.indexOf("/")), objects)
  return to === undefined ? `it calls ${host}, which is no Service` : [{ at: "service", from, to }]
}

/**
 * The workload that calls, however the case spells it: `namespace/name`, `name`, `name.namespace`, an object with both. Words
 * that are namespaces of the cluster are namespaces; a workload alone is in the namespace of the Service of its name.
 */
function clientOf(one: GatewayApiCase, objects: readonly KubernetesObject[]): string | undefined {
  const { client, clientNamespace } = one as GatewayApiCase & { clientNamespace?: unknown }
  if (client === undefined) return undefined
  const values = typeof client === "object" ? Object.values(record(client)) : [client]
  const words = [clientNamespace, ...values].join(" ").match(/[a-z0-9-]+/g) ?? []
  const names = (wanted: string) =>
    objects.filter(({ kind, metadata }) => kind === wanted && metadata.name !== undefined)
  const namespaces = new Set([
    ...names("Namespace").map(({ metadata }) => metadata.name),
    ...names("Service").map(({ metadata }) => metadata.namespace ?? "default"),
  ])
  const name = words.find((word) => !namespaces.has(word))
  const own = names("Service").find(({ metadata }) => metadata.name === name)?.metadata.namespace
  const namespace = words.find((word) => namespaces.has(word)) ?? own ?? [...namespaces][0] ?? "default"
  return name === undefined ? undefined : `${namespace}/${name}`
}

/** Cluster DNS: `echo`, `echo.team`, `echo.team.svc`, `echo.team.svc.cluster.local`, or `team/echo`. */
function serviceOf(host: string, own: string, objects: readonly KubernetesObject[]): string | undefined {
  const address = host.replace(/^[a-z]+:\/\//, "").replace(/:\d+$/, "")
  const [namespace, name] = address.includes("/")
    ? address.split("/")
    : [address.split(".")[1] ?? own, address.split(".")[0]]
  const isService = ({ kind, metadata }: KubernetesObject, where: string | undefined) =>
    kind === "Service" && metadata.name === name && (where === undefined || metadata.namespace === where)
  if (objects.some((object) => isService(object, namespace))) return `${namespace}/${name}`
  // A client of another namespace that calls by the bare name means the one Service of that name.
  const only = objects.filter((object) => isService(object, undefined))
  return only.length === 1 && !address.includes(".") ? `${only[0]!.metadata.namespace}/${name}` : undefined
}
