/**
 * Stage `filter`: what a rule and its backend do to the request and to the response. Whatever the order in which they are
 * written, filters work in this one, and a rule's before its backend's:
 *
 *   request    limits, cors (preflight), fault, redirect or respond, requestHeaders, rewrite, mirror
 *   response   responseHeaders, cors
 */
import { authorityOf, rewriteAddress, targetOf } from "#shared/exchange/address.ts"
import { portOf } from "#shared/exchange/decide.ts"
import { type Refusal, refuse } from "#shared/model/refusal.ts"
import { HEADER } from "#shared/protocol/headers.ts"
import { corsHeaders, preflight } from "#shared/routing/cors.ts"
import { type Answer, applyHeaderChange, directAnswer, faultWanted, redirectAnswer } from "#shared/routing/filters.ts"
import type { RequestHead } from "#shared/routing/head.ts"
import { formatTraceparent, tracestateToPass } from "#shared/telemetry/trace-context.ts"
import { declaredBytes, limitBody } from "./body.ts"
import { type CanonicalRequest, withUrl } from "./canonicalise.ts"
import { type Exchange, toldRevision } from "./exchange.ts"
import type { FilterPlan } from "./filter-plan.ts"
import type { Mesh } from "./mesh.ts"
import { bodyFor } from "./respond.ts"
import type { Outgoing } from "./send.ts"

/** An answer that the filters give by themselves, without any upstream. */
export async function answerByFilter(
  exchange: Exchange,
  canonical: CanonicalRequest,
  head: RequestHead,
  filters: FilterPlan,
  mesh: Mesh,
): Promise<Response | Refusal | undefined> {
  for (const { limits } of filters.limits) {
    if (Number(canonical.request.headers.get("content-length") ?? 0) > limits.bodyBytesMax)
      return refuse("body_too_large")
  }
  for (const { cors } of filters.cors) {
    const answer = preflight(cors, head)
    if (answer) return toResponse(answer)
  }
  const fault = await injectFault(exchange, filters, mesh)
  if (fault) return fault
  if (!exchange.matched) return undefined
  for (const { redirect } of filters.redirect) {
    return toResponse(
      redirectAnswer(redirect, { ...canonical, port: portOf(exchange.entrance, canonical) }, exchange.matched),
    )
  }
  for (const { respond } of filters.respond) return toResponse(directAnswer(respond))
  return undefined
}

/** Waits and fails as the route's faults say; for HTTP and RPC alike. */
export async function injectFault(exchange: Exchange, filters: FilterPlan, mesh: Mesh): Promise<Refusal | undefined> {
  for (const { fault } of filters.fault) {
    const { delayMs, abortStatus } = faultWanted(fault, mesh.roll(), mesh.roll())
    if (delayMs !== undefined) {
      const remainingMs = exchange.deadlineAtMs - mesh.nowMs()
      await mesh.sleep(Math.min(delayMs, remainingMs))
      // As when a slow upstream takes all of it: nobody waits beyond the request's time.
      if (delayMs >= remainingMs) return refuse("deadline_exceeded")
    }
    if (abortStatus !== undefined) return { ...refuse("fault_injected"), status: abortStatus }
  }
  return undefined
}

/** The request as it leaves: filtered, then marked with what only the mesh may say (rule S5: ours come last). */
export function shapeRequest(exchange: Exchange, canonical: CanonicalRequest): Outgoing | Refusal {
  const { filters } = exchange
  if (!filters) {
    mark(canonical.request.headers, exchange, canonical)
    const { request } = canonical
    return { request, address: canonical, target: targetOf(canonical), body: undefined, signal: undefined }
  }
  for (const { change } of filters.requestHeaders) applyHeaderChange(canonical.request.headers, change)
  const address = rewriteAddress(canonical, filters.rewrite, exchange.matched)
  if ("refusal" in address) return address
  const request = address === canonical ? canonical.request : withUrl(canonical.request, address)
  mark(request.headers, exchange, canonical)
  const limited = limitBody(request, bodyBytesMax(request, filters), exchange.entrance.at)
  return "refusal" in limited ? limited : { ...limited, address, target: targetOf(address), body: undefined }
}

/** The copy of a mirrored body waits in memory, and its declared length is what lets it: it must not be longer. */
function bodyBytesMax(request: Request, filters: FilterPlan): number {
  const limits = filters.limits.map(({ limits }) => limits.bodyBytesMax)
  const mirrored = filters.mirror.length > 0 ? declaredBytes(request) : undefined
  return Math.min(...limits, mirrored ?? Number.POSITIVE_INFINITY)
}

/** The answer as the caller gets it: as it is, unless a filter changes it. */
export function shapeResponse({ filters, setCookie, origin }: Exchange, response: Response): Response {
  if (!setCookie && !filters?.changesAnswer) return response
  const changed = changeable(response)
  if (setCookie) changed.headers.append("set-cookie", setCookie)
  if (!filters) return changed
  for (const { change } of filters.responseHeaders) applyHeaderChange(changed.headers, change)
  for (const { cors } of filters.cors) {
    applyHeaderChange(changed.headers, corsHeaders(cors, origin, changed.headers.keys()))
  }
  return changed
}

/** A response with headers that can be set. Takes the body over without reading it; a WebSocket stays one. */
export function changeable(response: Response): Response {
  return response.webSocket
    ? new Response(null, { status: response.status, headers: response.headers, webSocket: response.webSocket })
    : new Response(response.body, response)
}

export function toResponse({ status, headers, body }: Answer): Response {
  const response = new Response(bodyFor(status, body), { status })
  for (const { name, value } of headers) response.headers.append(name, value)
  return response
}

/** Without the trace that it belongs to it says nothing. */
function passTracestate(headers: Headers, tracestate: string, { trace }: Exchange): void {
  const passed = trace.parentId === undefined ? undefined : tracestateToPass(tracestate)
  if (passed === undefined) headers.delete(HEADER.tracestate)
  else if (passed !== tracestate) headers.set(HEADER.tracestate, passed)
}

function mark(headers: Headers, exchange: Exchange, canonical: CanonicalRequest): void {
  headers.set(HEADER.traceparent, formatTraceparent(exchange.trace))
  const tracestate = headers.get(HEADER.tracestate)
  if (tracestate !== null) passTracestate(headers, tracestate, exchange)
  headers.set(HEADER.hops, String(exchange.hops))
  if (exchange.priority !== "default") headers.set(HEADER.priority, exchange.priority)
  else if (exchange.matched?.rule.priority) headers.delete(HEADER.priority)
  if (canonical.debug) headers.set(HEADER.debug, "1")
  const revision = toldRevision(exchange)
  if (revision !== undefined) headers.set(HEADER.revision, String(revision))
  if (exchange.entrance.at === "service") {
    headers.set(HEADER.from, exchange.entrance.peer.from)
    return
  }
  headers.set("x-forwarded-host", authorityOf(canonical))
  headers.set("x-forwarded-proto", canonical.scheme)
  const { address } = exchange.principals
  if (address === undefined) return
  headers.set("x-forwarded-for", address)
  headers.set("x-real-ip", address)
}
