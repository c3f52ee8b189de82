/**
 * External authorization (Envoy: ext_authz over HTTP): a service of the mesh is asked whether a request may pass. It gets the request's
 * method, path, and of its headers those that the policy names; it answers 2xx to let it pass, and 3xx or 4xx to refuse it. Anything
 * else, and an answer that does not come in time, is no answer: then the policy says what holds.
 */
import { type Address, authorityOf, targetOf, urlOf } from "#shared/exchange/address.ts"
import { endpointsIn } from "#shared/exchange/decide.ts"
import type { Authorizer } from "#shared/model/access-policy.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { isRefusal, type Refusal, type RefusalAnswer, refuse } from "#shared/model/refusal.ts"
import type { Header } from "#shared/model/route.ts"
import { HEADER } from "#shared/protocol/headers.ts"
import { formatTraceparent } from "#shared/telemetry/trace-context.ts"
import { attempt } from "./attempt.ts"
import { declaredBytes, keepBody, mayHaveNewBody } from "./body.ts"
import type { Exchange } from "./exchange.ts"
import type { Mesh } from "./mesh.ts"
import type { Outgoing } from "./send.ts"

/** What an authorizer is asked about. */
export interface Asking {
  readonly address: Address
  /** Undefined for an RPC call. Its headers may be changed. */
  readonly request: Request | undefined
  /** The body, when it was kept already. */
  readonly body?: ArrayBuffer | undefined
  readonly rpc: string | undefined
}

export interface Passed {
  readonly asking: Asking
  /** The authorizer did not answer, and the policy lets the request pass then. */
  readonly isUnasked: boolean
}

export async function ask(
  authorizer: Authorizer,
  exchange: Exchange,
  asked: Asking,
  mesh: Mesh,
): Promise<Passed | Refusal> {
  const untilMs = Math.min(exchange.deadlineAtMs, mesh.nowMs() + authorizer.timeoutMs)
  const asking = await withBody(authorizer, asked, untilMs, mesh)
  if (isRefusal(asking)) return asking
  const answer = await send(authorizer, exchange, asking, untilMs, mesh)
  if (!answer) {
    if (authorizer.whenUnavailable === "deny") return refuse("authorizer_unavailable")
    // Headers that only an authorizer may set are not the sender's to set while there is none.
    setUpstreamHeaders(authorizer, undefined, asking)
    return { asking, isUnasked: true }
  }
  if (answer.status >= 300)
    return {
      ...refuse("forbidden"),
      status: answer.status,
      answer: await toldClient(authorizer, answer, untilMs, mesh),
    }
  setUpstreamHeaders(authorizer, answer.headers, asking)
  await answer.body?.cancel()
  return { asking, isUnasked: false }
}

/** Undefined when there is no answer that says yes or no. */
async function send(
  authorizer: Authorizer,
  exchange: Exchange,
  asking: Asking,
  untilMs: number,
  mesh: Mesh,
): Promise<Response | undefined> {
  const backend = { service: authorizer.service }
  const entry = mesh.ledger.entry(exchange.routes!, backend)
  const endpoint = entry.select(endpointsIn(exchange.routes?.services, backend), [], null, mesh)
  const outgoing = questionOf(authorizer, exchange, asking)
  // An exchange of its own: what the rule says of the request does not hold for this question.
  const own: Exchange = { ...exchange, matched: undefined, backend: undefined, attempts: 0, deadlineAtMs: untilMs }
  const ended = new AbortController()
  const answer = await attempt({ exchange: own, outgoing, entry, timeouts: undefined, mesh }, endpoint, ended.signal)
  if (!isRefusal(answer) && answer.status >= 200 && answer.status < 500) return answer
  ended.abort()
  return undefined
}

function questionOf(authorizer: Authorizer, exchange: Exchange, { address, request, body, rpc }: Asking): Outgoing {
  const path = `${authorizer.pathPrefix}${address.path}`
  const moved: Address = { ...address, path }
  const headers = chosenHeaders(authorizer, request?.headers)
  headers.set("host", authorityOf(address))
  headers.set(HEADER.traceparent, formatTraceparent(exchange.trace))
  headers.set(HEADER.hops, String(exchange.hops))
  if (exchange.principals.caller !== undefined) headers.set(HEADER.from, exchange.principals.caller)
  if (rpc !== undefined) headers.set(HEADER.rpc, encodeURIComponent(rpc))
  else {
    headers.set("x-forwarded-method", request!.method)
    headers.set("x-forwarded-proto", address.scheme)
    headers.set("x-forwarded-host", authorityOf(address))
    headers.set("x-forwarded-uri", targetOf(address))
  }
  if (exchange.principals.address !== undefined) headers.set("x-forwarded-for", exchange.principals.address)
  const isShown = authorizer.bodyBytesMax !== undefined && body !== undefined
  const method = request?.method ?? "POST"
  const question = new Request(urlOf(moved), { method, headers, redirect: "manual", ...(isShown && { body }) })
  return { request: question, address: moved, target: targetOf(moved), body: undefined, signal: undefined }
}

/** Of the connection, or of the body that stays behind. */
const NOT_ASKED_WITH = ["upgrade", "content-length", "transfer-encoding", "expect", "connection"]

function chosenHeaders({ requestHeaders }: Authorizer, headers: Headers | undefined): Headers {
  if (!headers) return new Headers()
  const chosen = requestHeaders.includes("*") ? new Headers(headers) : new Headers()
  for (const name of requestHeaders) {
    const value = name === "*" ? null : headers.get(name)
    if (value !== null) chosen.set(name, value)
  }
  for (const name of NOT_ASKED_WITH) chosen.delete(name)
  return chosen
}

/** The body is kept where the authorizer is to see it, and goes on from there. */
async function withBody(
  { bodyBytesMax }: Authorizer,
  asking: Asking,
  untilMs: number,
  mesh: Mesh,
): Promise<Asking | Refusal> {
  const { request, body } = asking
  if (bodyBytesMax === undefined || !request || request.body === null) return asking
  if (body !== undefined) return body.byteLength <= bodyBytesMax ? asking : refuse("body_too_large")
  if ((declaredBytes(request) ?? 0) > bodyBytesMax) return refuse("body_too_large")
  if (!mayHaveNewBody(request.method)) return refuse("bad_request", `a ${request.method} cannot have a body here`)
  const kept = await keepBody(request.body, bodyBytesMax, untilMs - mesh.nowMs())
  return "refusal" in kept ? kept : { ...asking, request: new Request(request, { body: kept }), body: kept }
}

/** In the place of the request's own, also where the authorizer says nothing: nobody else may say it. */
function setUpstreamHeaders({ upstreamHeaders }: Authorizer, answer: Headers | undefined, { request }: Asking): void {
  for (const name of upstreamHeaders) {
    const value = answer?.get(name) ?? null
    if (value === null) request?.headers.delete(name)
    else request?.headers.set(name, value)
  }
}

/** What the client gets of a refusal; undefined: the mesh's own words, where the authorizer's are too many or too slow. */
async function toldClient(
  { clientHeaders }: Authorizer,
  answer: Response,
  untilMs: number,
  mesh: Mesh,
): Promise<RefusalAnswer> {
  const headers: Header[] = []
  for (const name of clientHeaders) {
    if (name === "set-cookie") for (const value of answer.headers.getSetCookie()) headers.push({ name, value })
    else if (answer.headers.has(name)) headers.push({ name, value: answer.headers.get(name)! })
  }
  const type = answer.headers.get("content-type")
  const body = answer.body && (await keepBody(answer.body, LIMITS.authorizerAnswerBytesMax, untilMs - mesh.nowMs()))
  if (!body || "refusal" in body || body.byteLength === 0 || type === null) return { headers }
  return { headers: [...headers, { name: "content-type", value: type }], body }
}
