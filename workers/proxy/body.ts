/** Bodies of requests: how much of one may pass, and keeping one so that it can be sent again. */
import { LIMITS } from "#shared/model/limits.ts"
import { type Refusal, refuse } from "#shared/model/refusal.ts"
import { readAll } from "./read-all.ts"
import { BodyBroken, BodyTooLarge, type Outgoing } from "./send.ts"

/**
 * Holds a body to `bytesMax`. One whose length is not known for sure is counted on its way; past the limit, or when its sender breaks
 * it off, the request is aborted. The stream then stands still instead of failing: the upstream must not take a cut body for a whole one.
 *
 * HTTP holds a stranger to the length that he declared; a binding holds nobody, so that a service's word is `sure` only of a
 * GET or HEAD, which the runtime gives no other body.
 */
export function limitBody(
  request: Request,
  bytesMax: number,
  door: "gateway" | "service",
): Pick<Outgoing, "request" | "signal"> | Refusal {
  if (bytesMax === Number.POSITIVE_INFINITY) return { request, signal: undefined }
  const { body, method } = request
  const sure = request.headers.has("content-length") && (door === "gateway" || !mayHaveNewBody(method))
  if (body === null || sure) return { request, signal: undefined }
  if (!mayHaveNewBody(method)) return refuse("bad_request", `a ${method} with a body must declare its length here`)
  const controller = new AbortController()
  return passing(request, body, counter(bytesMax, controller), controller)
}

function counter(bytesMax: number, controller: AbortController): TransformStream<Uint8Array, Uint8Array> {
  let bytes = 0
  return new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, queue) {
      bytes += chunk.byteLength
      if (bytes <= bytesMax) return queue.enqueue(chunk)
      controller.abort(new BodyTooLarge())
      return new Promise<never>(() => {})
    },
  })
}

/** The request with its body on its way through: what its sender does to it ends the request, and is told from what the upstream does. */
function passing(
  request: Request,
  body: ReadableStream<Uint8Array>,
  { readable, writable }: TransformStream<Uint8Array, Uint8Array>,
  controller: AbortController,
): Pick<Outgoing, "request" | "signal"> {
  const onEnd = () => {
    const reader = body.getReader()
    // Only a body that failed by itself rejects here; one that the upstream wants no more of is let go.
    reader.closed.catch(() => controller.abort(new BodyBroken()))
    reader.cancel().catch(() => {})
  }
  body.pipeTo(writable, { preventAbort: true, preventCancel: true }).catch(onEnd)
  return { request: new Request(request, { body: readable }), signal: controller.signal }
}

/** Whether a request can be made anew with another body: the runtime gives GET and HEAD none. */
export function mayHaveNewBody(method: string): boolean {
  return method !== "GET" && method !== "HEAD"
}

/** Undefined when the sender did not say. */
export function declaredBytes(request: Request): number | undefined {
  const header = request.headers.get("content-length")
  return header === null ? undefined : Number(header)
}

/**
 * Waits for a small body of the public before any upstream is asked: a sender that promises one and lets the others wait holds nobody
 * but the proxy. It can then be sent again too. What is larger, or does not say how large it is, streams.
 */
export async function receiveBody(outgoing: Outgoing, remainingMs: number): Promise<Refusal | undefined> {
  const { request } = outgoing
  if (request.body === null) return undefined
  const declared = declaredBytes(request)
  const isNew = mayHaveNewBody(request.method)
  if (declared === undefined || declared > LIMITS.replayBodyBytesMax) {
    // One that is counted on its way is watched already.
    if (isNew && !outgoing.signal) Object.assign(outgoing, watched(request, request.body, declared))
    return undefined
  }
  const isPatient = remainingMs > LIMITS.bodyWaitMs
  const late = isPatient ? refuse("request_timeout") : LATE
  const waitMs = Math.min(remainingMs, LIMITS.bodyWaitMs)
  const kept = await keepBody(isNew ? request.body : request.clone().body!, declared, waitMs, late)
  if ("refusal" in kept) return kept
  if (isNew) outgoing.body = kept
  return undefined
}

function watched(request: Request, body: ReadableStream<Uint8Array>, declared: number | undefined) {
  const passage = declared === undefined ? new IdentityTransformStream() : new FixedLengthStream(declared)
  return passing(request, body, passage, new AbortController())
}

/**
 * The whole of a body that declares its length. A sender that goes away, sends more, or takes longer than there is time is
 * refused: no upstream is asked before the body is there.
 */
export async function keepBody(
  body: ReadableStream,
  bytesMax: number,
  waitMs: number,
  late: Refusal = LATE,
): Promise<ArrayBuffer | Refusal> {
  const reader = body.getReader()
  let timer: ReturnType<typeof setTimeout> | null = null
  const lateness = new Promise<Refusal>((resolve) => {
    if (waitMs !== Number.POSITIVE_INFINITY) timer = setTimeout(() => resolve(late), waitMs)
  })
  const kept = await Promise.race([readAll(reader, bytesMax), lateness])
  clearTimeout(timer)
  if (kept instanceof ArrayBuffer) return kept
  // Nobody waits for the rest, nor hears what becomes of it.
  reader.cancel().catch(() => {})
  return kept
}

const LATE = refuse("deadline_exceeded", "the request's body did not come in time")
