/**
 * Active health checks, made for the mesh's `Health` objects: they know when, only the proxy has bindings to the services. A caller
 * says no more than which service: path, method and places are those of the routes that this isolate goes by, so that nothing can
 * be reached through here that no document asks to check.
 */
import type { CheckOutcome, HealthCheck, HealthPolicy } from "#shared/model/health.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { ServiceId } from "#shared/model/names.ts"
import { isRefusal, type Refusal, refuse } from "#shared/model/refusal.ts"
import { type Endpoint, endpointsOfAll, placeOf } from "#shared/model/service.ts"
import { type CheckCall, type CheckReply, PROBER_PROPS } from "#shared/protocol/health.ts"
import type { Destination, Mesh } from "./mesh.ts"
import { reach } from "./reach.ts"
import type { Stub } from "./rpc-attempts.ts"
import { send } from "./send.ts"

type World = Pick<Mesh, "routes" | "settledRoutes" | "destination" | "svids" | "waitUntil">

const USER_AGENT = "weft-health-check"

/** A binding that does not say that it is control's gets nothing. */
export function proberRefusal(props: unknown): Refusal | undefined {
  const role = typeof props === "object" && props !== null ? (props as { role?: unknown }).role : undefined
  return role === PROBER_PROPS.role ? undefined : refuse("forbidden", "only control makes health checks")
}

export async function check({ service: id, from }: CheckCall, mesh: World): Promise<CheckReply> {
  const routes = mesh.routes ?? (await mesh.settledRoutes(0))
  const service = routes?.services.get(id as ServiceId)
  const policy = service?.policy?.health
  if (!routes || !service || !policy) return { revision: routes?.revision ?? 0, places: [], results: [] }
  const endpoints = endpointsOfAll(service)
  const batch = endpoints.slice(from, from + LIMITS.healthBatchMax)
  const host = id.slice(id.indexOf("/") + 1)
  const results = await Promise.all(
    batch.map(async (endpoint) => ({ place: placeOf(endpoint), outcome: await probe(endpoint, host, policy, mesh) })),
  )
  return { revision: routes.revision, policy, places: endpoints.map(placeOf), results }
}

/** Never rejects. */
async function probe(
  endpoint: Endpoint,
  host: string,
  { check, timeoutMs }: HealthPolicy,
  mesh: World,
): Promise<CheckOutcome> {
  const destination = reach(endpoint, undefined, mesh)
  if (!destination) return { kind: "unbound" }
  const controller = new AbortController()
  let timer: ReturnType<typeof setTimeout> | null = null
  const late = new Promise<CheckOutcome>((resolve) => {
    timer = setTimeout(() => {
      resolve({ kind: "timeout" })
      controller.abort()
    }, timeoutMs)
  })
  const asked =
    check.kind === "http"
      ? fetched(destination, endpoint, host, check, controller.signal)
      : called(destination as unknown as Stub, check.method)
  const outcome = await Promise.race([asked, late])
  clearTimeout(timer)
  return outcome
}

async function fetched(
  destination: Destination,
  endpoint: Endpoint,
  host: string,
  { method, path }: Extract<HealthCheck, { kind: "http" }>,
  signal: AbortSignal,
): Promise<CheckOutcome> {
  const headers = { "user-agent": USER_AGENT }
  const request = new Request(`http://${host}${path}`, { method, headers, redirect: "manual" })
  const answer = await send(
    destination,
    endpoint,
    { request, target: path, body: undefined, signal: undefined },
    signal,
  )
  if (isRefusal(answer)) return { kind: "unreachable" }
  // The status says it all; who waits for the body holds a connection.
  answer.body?.cancel().catch(() => {})
  return { kind: "answered", status: answer.status }
}

async function called(stub: Stub, method: string): Promise<CheckOutcome> {
  const path = method.split(".")
  const last = path.pop()!
  try {
    let holder = stub
    for (const name of path) holder = holder[name] as Stub
    // What it returned is let go with this call's own end.
    await holder[last]!()
    return { kind: "returned" }
  } catch {
    return { kind: "threw" }
  }
}
