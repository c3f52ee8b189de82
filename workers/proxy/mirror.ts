/**
 * Copies of a request for other backends: sent beside it, awaited by nobody, their answers thrown away. What becomes of them
 * never shows in the request's own answer (Gateway API: RequestMirror; Envoy: request_mirror_policies).
 */
import { pick } from "#shared/balancing/random.ts"
import { endpointsIn } from "#shared/exchange/decide.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { isRefusal } from "#shared/model/refusal.ts"
import type { Mirror } from "#shared/model/route.ts"
import { mirrorWanted } from "#shared/routing/filters.ts"
import { authorizeAtService } from "./authorize.ts"
import { declaredBytes } from "./body.ts"
import type { Exchange } from "./exchange.ts"
import type { Mesh } from "./mesh.ts"
import { reach } from "./reach.ts"
import { type Outgoing, send } from "./send.ts"

/** Takes the copies before the request itself is sent. A request with a large or undeclared body is not mirrored. */
export function mirror(exchange: Exchange, outgoing: Outgoing, mesh: Mesh): void {
  if (!exchange.filters) return
  for (const { mirror } of exchange.filters.mirror) {
    if (!mirrorWanted(mirror, mesh.roll()) || exchange.proof?.unmirrored.has(mirror.backend.service)) continue
    const copy = copyOf(outgoing)
    if (copy) mesh.waitUntil(sendCopy(exchange, mirror, copy, mesh))
  }
}

async function sendCopy(
  exchange: Exchange,
  { backend, credentials }: Mirror,
  copy: Outgoing,
  mesh: Mesh,
): Promise<void> {
  const endpoints = endpointsIn(exchange.routes?.services, backend)
  const endpoint = pick(endpoints, [], mesh.roll())
  const destination = endpoint && reach(endpoint, exchange.entrance, mesh)
  if (!destination) return
  const { access } = exchange.routes!
  const judged = access
    ? await authorizeAtService({ ...exchange, access: undefined }, backend.service, copy, mesh)
    : copy
  if (isRefusal(judged)) return
  // Only now: who judges the copy judges it by whom it is from.
  if (!credentials) for (const name of CREDENTIALS) judged.request.headers.delete(name)
  const answer = await send(destination, endpoint, judged)
  if (!isRefusal(answer)) await answer.body?.cancel()
}

/** What proves who the user is goes to the service that he talks to, and to no other unless the route says so. */
const CREDENTIALS = ["authorization", "cookie", "proxy-authorization", "cf-access-jwt-assertion", "x-api-key"]

function copyOf(outgoing: Outgoing): Outgoing | undefined {
  const { request, body } = outgoing
  const declared = request.body === null ? 0 : (declaredBytes(request) ?? Number.POSITIVE_INFINITY)
  if (declared > LIMITS.mirrorBodyBytesMax) return undefined
  // A body that was kept has been read: it can be no clone's.
  return { ...outgoing, request: body === undefined ? request.clone() : new Request(request, { body }) }
}
