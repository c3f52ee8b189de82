/** Sends one notification to a webhook, signed, and says what became of it. */
import type { Receiver } from "#shared/model/alerting.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { DeliverCall, ProberRpc } from "#shared/protocol/health.ts"
import { type LocalOrigins, mayLeaveTo } from "#shared/std/egress.ts"
import { secretBytes, signedText } from "#shared/telemetry/notification.ts"
import { inTime } from "./in-time.ts"

export interface Message {
  /** The same at every attempt, by which a receiver knows what it has already. */
  readonly id: string
  readonly body: string
}

export type Sent =
  | { readonly outcome: "taken" }
  /** To be tried again, not before `afterMs`, when the receiver says so. */
  | { readonly outcome: "failed"; readonly because: string; readonly afterMs?: number }
  /** It will never be taken. */
  | { readonly outcome: "refused"; readonly because: string }

/** How notifications leave. */
export interface Way {
  readonly local: LocalOrigins
  /** To services of the mesh; absent in a control Worker without a proxy. */
  readonly proxy?: Pick<ProberRpc, "deliver"> | undefined
  readonly nowMs: number
}

export async function send(receiver: Receiver, { id, body }: Message, way: Way): Promise<Sent> {
  const timestamp = Math.floor(way.nowMs / 1000)
  const headers = {
    "content-type": "application/json",
    "user-agent": "weft-alerts",
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": `v1,${await sign(receiver.secret, signedText(id, timestamp, body))}`,
  }
  if (!("url" in receiver)) return brought({ ...receiver, headers, body }, way)
  const { url } = receiver
  // Documents are checked when they are applied; what this Worker may reach can have changed since.
  if (!mayLeaveTo(url, way.local)) return { outcome: "failed", because: "this mesh may not reach its URL" }
  // Ended by hand: a timer that is still running keeps the object from its sleep.
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), LIMITS.webhookMs)
  try {
    const response = await fetch(url, {
      method: "POST",
      headers,
      body,
      // Elsewhere it would go to whom nobody has declared, and who may be on a private network.
      redirect: "manual",
      signal: late.signal,
    })
    // What it says beyond its status interests nobody, and may be endless.
    await response.body?.cancel()
    return judged(response.status, response.headers.get("retry-after"))
  } catch {
    return { outcome: "failed", because: late.signal.aborted ? LATE : "it is not reachable" }
  } finally {
    clearTimeout(timer)
  }
}

/** Through the mesh, by the proxy. */
async function brought({ service, path, headers, body }: DeliverCall, { proxy }: Way): Promise<Sent> {
  if (!proxy) return { outcome: "failed", because: "control has no binding PROXY to the mesh" }
  try {
    const reply = await inTime(proxy.deliver({ service, path, headers, body }), LIMITS.webhookMs, () => undefined)
    if (!reply) return { outcome: "failed", because: LATE }
    const { status, refusal, retryAfter = null } = reply
    // 410 is a word of the service only.
    if (refusal !== undefined) return { outcome: "failed", because: `the mesh refuses it: ${refusal}` }
    return judged(status, retryAfter)
  } catch {
    return { outcome: "failed", because: "the proxy does not deliver it" }
  }
}

const LATE = `no answer in ${LIMITS.webhookMs / 1000}s`

/** Base64 of the HMAC-SHA256. */
export async function sign(secret: string, text: string): Promise<string> {
  const algorithm = { name: "HMAC", hash: "SHA-256" }
  const key = await crypto.subtle.importKey("raw", secretBytes(secret), algorithm, false, ["sign"])
  const signature = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(text))
  return btoa(String.fromCharCode(...new Uint8Array(signature)))
}

function judged(status: number, retryAfter: string | null): Sent {
  if (status >= 200 && status < 300) return { outcome: "taken" }
  const because = `it answered ${status}`
  // Standard Webhooks: whoever is gone wants no more of it.
  if (status === 410) return { outcome: "refused", because }
  const [, seconds] = /^(\d{1,5})$/.exec(retryAfter ?? "") ?? []
  return { outcome: "failed", because, ...(seconds !== undefined && { afterMs: Number(seconds) * 1000 }) }
}
