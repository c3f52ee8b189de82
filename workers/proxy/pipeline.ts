/**
 * The life of one HTTP request through the mesh, from top to bottom: each paragraph of `decide` is a stage. A stage takes
 * values and returns a value or a refusal; only the functions here and in `forward.ts` wait for the world. RPC takes the
 * same stages in `rpc.ts`.
 *
 *   begin  canonicalise  identify  authenticate  match  split  authorize  limit  filter  authorize  select  send  judge  record
 */
import { type Entrance, endpointsOf, identify } from "#shared/exchange/decide.ts"
import { NO_CLAIMS } from "#shared/identity/client-address.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { isRefusal, type Refusal, refuse } from "#shared/model/refusal.ts"
import type { RequestHead } from "#shared/routing/head.ts"
import { authenticateAtDoor, authenticateAtServices } from "./authenticate-http.ts"
import { authorizeAtGateway, authorizeAtService } from "./authorize.ts"
import { receiveBody } from "./body.ts"
import { type CanonicalRequest, canonicalise } from "./canonicalise.ts"
import { begin, choose, divide, type Exchange, settleRoutes } from "./exchange.ts"
import { answerByFilter, shapeRequest, shapeResponse } from "./filter.ts"
import { forward } from "./forward.ts"
import { limit, toldStanding } from "./limit.ts"
import type { Mesh, Routes } from "./mesh.ts"
import { mirror } from "./mirror.ts"
import { probed, ticketOf } from "./probe.ts"
import { debugged, record } from "./record.ts"
import { respond } from "./respond.ts"

export async function serve(request: Request, entrance: Entrance, mesh: Mesh): Promise<Response> {
  const canonical = canonicalise(request, entrance, mesh)
  const ticket = isRefusal(canonical) ? ticketOf(request, entrance) : canonical.probe
  const told = ticket === undefined ? undefined : await probed(request, canonical, ticket, mesh)
  if (told) return told
  const exchange = begin(entrance, isRefusal(canonical) ? NOTHING_CARRIED : canonical, mesh)
  const answer = isRefusal(canonical) ? canonical : await decide(exchange, canonical, mesh)
  record(exchange, "http", request, answer, mesh)
  const response = toldStanding(isRefusal(answer) ? respond(answer) : answer, exchange)
  return !isRefusal(canonical) && canonical.debug ? debugged(response, exchange) : response
}

async function decide(exchange: Exchange, received: CanonicalRequest, mesh: Mesh): Promise<Response | Refusal> {
  if (exchange.hops > LIMITS.hopsMax) return refuse("loop_detected")
  const current = mesh.routes
  const isEnough = current !== undefined && received.floor <= current.revision
  const newest = isEnough ? current : await settleRoutes(exchange, received, mesh)
  if (!newest) return refuse("no_snapshot")
  const routes = newest.candidate ? divide(exchange, newest, newest.candidate, mesh) : newest
  exchange.routes = routes

  if (routes.trustedPeers) believe(exchange, received, routes.trustedPeers)
  const entry = identify(exchange.entrance, routes.services, received)
  if (isRefusal(entry)) return entry

  const known = routes.authentications ? await authenticateAtDoor(exchange, entry, received, mesh) : received
  if (isRefusal(known)) return known

  const first = headOf(known, exchange, mesh.roll())
  const refused = choose(exchange, routes, entry, first, mesh.roll())
  mesh.telemetry.tracer?.decide(exchange, received.debug, mesh)
  if (refused) return refused

  const identified = routes.authentications ? await authenticateAtServices(exchange, known, mesh) : known
  if (isRefusal(identified)) return identified

  const canonical = routes.access ? await authorizeAtGateway(exchange, identified, mesh) : identified
  if (isRefusal(canonical)) return canonical
  // Limits go by what was established since the rule was looked for.
  const head = routes.authentications || canonical !== received ? headOf(canonical, exchange, first.dice) : first

  const limits = exchange.matched?.rule.rateLimits
  const limited = limits && (await limit(exchange, limits, head, mesh))
  if (limited) return limited

  const { filters } = exchange
  const answered = filters?.mayAnswer && (await answerByFilter(exchange, canonical, head, filters, mesh))
  if (answered) return isRefusal(answered) ? answered : shapeResponse(exchange, answered)

  const endpoints = endpointsOf(routes.services, exchange.backend)
  if (isRefusal(endpoints)) return endpoints

  const shaped = shapeRequest(exchange, canonical)
  if (isRefusal(shaped)) return shaped

  const outgoing = routes.access ? await authorizeAtService(exchange, exchange.backend!.service, shaped, mesh) : shaped
  if (isRefusal(outgoing)) return outgoing
  // Services of the mesh send what they promise; the public may have other things in mind.
  const mayWithhold = exchange.entrance.at === "gateway" && outgoing.request.body !== null
  const withheld = mayWithhold && (await receiveBody(outgoing, exchange.deadlineAtMs - mesh.nowMs()))
  if (withheld) return withheld
  mirror(exchange, outgoing, mesh)

  const answer = await forward(exchange, outgoing, endpoints, mesh)
  return isRefusal(answer) ? answer : shapeResponse(exchange, answer)
}

/** Where proxies of one's own stand before the edge, the client's address is what they say. */
function believe(exchange: Exchange, { from }: CanonicalRequest, trusted: NonNullable<Routes["trustedPeers"]>): void {
  const { entrance, principals } = exchange
  const peers = entrance.at === "gateway" ? trusted.get(entrance.gateway) : undefined
  if (peers) exchange.principals = { ...principals, address: peers.addressOf(from) }
}

const NOTHING_CARRIED = {
  traceparent: null,
  hops: 0,
  remainingMs: undefined,
  nested: false,
  priority: "default",
  floor: 0,
  consistency: undefined,
  from: NO_CLAIMS,
} as const

function headOf(canonical: CanonicalRequest, exchange: Exchange, dice: number): RequestHead {
  const { entrance, principals, startedAtMs: nowMs } = exchange
  const { method, path, rawQuery, request } = canonical
  const addressed = entrance.at === "service"
  return {
    method,
    path,
    rawQuery,
    host: addressed ? "" : canonical.host,
    headers: request.headers,
    caller: addressed ? entrance.peer.from : undefined,
    address: principals.address,
    nowMs,
    rpc: undefined,
    dice,
    principals,
  }
}
