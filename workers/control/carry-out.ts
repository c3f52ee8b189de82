/** Reads what an endpoint takes, has it handled in time, and writes down what came of it when it was a write, or shows what was sent through the mesh. */
import { inTime } from "#durable-objects/in-time.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { AuditSubject } from "#shared/protocol/audit.ts"
import type { WhoAmI } from "#shared/protocol/control-api.ts"
import { auditLog, outcomeOf, record, TARGET_CHARS_MAX } from "./audit.ts"
import { NOBODY } from "./auth.ts"
import type { AuditNote, Call, Endpoint } from "./endpoint.ts"
import type { ControlEnv } from "./env.ts"
import { type Input, readBody, readParams, readQuery } from "./input.ts"
import { crashed, problem } from "./problems.ts"
import { query } from "./schemas.ts"
import { type Sender, senderOf } from "./sender.ts"

/** One request on its way through the Worker, with what the audit log will want to know of it. */
export interface Visit {
  readonly env: ControlEnv
  /** Goes out as `Weft-Request-Id`. */
  readonly id: string
  readonly sender: Sender
  readonly context: Pick<ExecutionContext, "waitUntil">
  who: string
  operation: string
  /** It has an entry of its own in the audit log. */
  isRecorded: boolean
}

type AnyCall = Call<unknown, unknown, unknown>

export function visitOf(request: Request, env: ControlEnv, context: Visit["context"]): Visit {
  const id = crypto.randomUUID()
  return { env, id, sender: senderOf(request), context, who: NOBODY, operation: "guard", isRecorded: false }
}

export async function carryOut(
  endpoint: Endpoint,
  request: Request,
  path: Record<string, string>,
  visit: Visit,
  caller: WhoAmI,
): Promise<Response> {
  const isWrite = endpoint.method !== "GET" && endpoint.reads === undefined
  const input = await read(endpoint, request, path)
  if (input instanceof Response) {
    if (isWrite) await refused(visit, input.status)
    return input
  }
  const audit: AuditNote = {}
  const call: AnyCall = { env: visit.env, caller, request, audit, ...input.value }
  if (isWrite || endpoint.shows?.(call)) return written(endpoint, call, visit, isWrite ? undefined : "read")
  return await answered(handled(endpoint, call, visit), visit)
}

async function read(
  endpoint: Endpoint,
  request: Request,
  path: Record<string, string>,
): Promise<Input<Pick<AnyCall, "params" | "query" | "body" | "text">>> {
  const queried = readQuery(new URL(request.url), endpoint.query ?? query.none)
  if (queried instanceof Response) return queried
  const params = endpoint.params ? readParams(path, endpoint.params) : { value: {} }
  if (params instanceof Response) return params
  const body = endpoint.body ? await readBody(request, endpoint.body) : { value: { json: undefined, text: "" } }
  if (body instanceof Response) return body
  const { json, text } = body.value
  return { value: { params: params.value, query: queried.value, body: json, text } }
}

/**
 * The entry is there before the write is begun, so that nothing is ever done of which the log says nothing. When the log cannot
 * be reached nothing is done, but for what ends an outage.
 */
async function written(endpoint: Endpoint, call: AnyCall, visit: Visit, kind?: "read"): Promise<Response> {
  const target = named(endpoint.target?.(call))
  const subject = { ...subjectOf(visit), ...(target !== undefined && { target }) }
  const entry = await begun(visit, subject, kind)
  visit.isRecorded = true
  if (entry === undefined && !endpoint.evenUnrecorded) {
    return problem(503, "The audit log cannot be reached; nothing was done or shown.", {
      headers: { "retry-after": "5" },
    })
  }
  const ended = handled(endpoint, entry === undefined ? call : { ...call, entry }, visit).then(async (response) => {
    const { status } = response
    const { target: found, lasts, ...noted } = call.audit
    if (lasts && entry !== undefined) return response
    const later = named(found)
    const end = { ...noted, ...(later !== undefined && { target: later }), outcome: outcomeOf(status), status }
    const log = auditLog(visit.env)
    const ending = record(() => (entry === undefined ? log.refused(subject, end) : log.end(entry, end)), subject, end)
    visit.context.waitUntil(ending)
    // Who is answered finds the outcome in the log, unless the log is slow.
    await atMost(LIMITS.auditEndMs, ending)
    return response
  })
  return answered(ended, visit)
}

/** Names, and nothing that could be taken for more: what a request says of itself is not believed here either. */
function named(target: string | undefined): string | undefined {
  return target !== undefined && target.length <= TARGET_CHARS_MAX && /^[\w ./-]+$/.test(target) ? target : undefined
}

async function begun(visit: Visit, subject: AuditSubject, kind?: "read"): Promise<number | undefined> {
  try {
    return await atMost(LIMITS.auditBeginMs, auditLog(visit.env).begin(subject, kind))
  } catch (error) {
    console.error(JSON.stringify({ message: "the audit log cannot be reached", ...subject, error: `${error}` }))
    return undefined
  }
}

async function refused(visit: Visit, status: number): Promise<void> {
  visit.isRecorded = true
  const subject = subjectOf(visit)
  const end = { outcome: outcomeOf(status), status }
  const writing = record(() => auditLog(visit.env).refused(subject, end), subject, end)
  visit.context.waitUntil(writing)
  await atMost(LIMITS.auditEndMs, writing)
}

function subjectOf({ who, operation, id: requestId, sender: { address } }: Visit): AuditSubject {
  return { who, operation, requestId, address }
}

async function handled(endpoint: Endpoint, call: AnyCall, { id }: Visit): Promise<Response> {
  try {
    return await endpoint.handle(call)
  } catch (error) {
    return crashed(error, id)
  }
}

/** What takes longer goes on in the background, as a write may; who asked is told that nobody knows yet. */
async function answered(answer: Promise<Response>, { context }: Visit): Promise<Response> {
  const response = await atMost(LIMITS.controlAnswerMs, answer)
  if (response) return response
  context.waitUntil(answer)
  const detail = "This takes too long. Repeat the request; with the same Idempotency-Key it cannot act twice."
  return problem(503, detail, { headers: { "retry-after": "5" } })
}

/** Undefined when the promise is not settled by then. */
function atMost<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  return inTime(promise, ms, () => undefined)
}
