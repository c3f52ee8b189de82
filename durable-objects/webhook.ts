/** Sends one notification to a webhook, signed, and says what became of it. */
import type { Receiver } from "#shared/model/alerting.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { type LocalOrigins, mayLeaveTo } from "#shared/std/egress.ts"
import { secretBytes, signedText } from "#shared/telemetry/notification.ts"

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

export async function send(
  { url, secret }: Receiver,
  { id, body }: Message,
  { local, nowMs }: { readonly local: LocalOrigins; readonly nowMs: number },
): Promise<Sent> {
  // Documents are checked when they are applied; what this Worker may reach can have changed since.
  if (!mayLeaveTo(url, local)) return { outcome: "failed", because: "this mesh may not reach its URL" }
  const timestamp = Math.floor(nowMs / 1000)
  const headers = {
    "content-type": "application/json",
    "user-agent": "weft-alerts",
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": `v1,${await sign(secret, signedText(id, timestamp, body))}`,
  }
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
    return judged(response)
  } catch {
    const because = late.signal.aborted ? `no answer in ${LIMITS.webhookMs / 1000}s` : "it is not reachable"
    return { outcome: "failed", because }
  } finally {
    clearTimeout(timer)
  }
}

/** Base64 of the HMAC-SHA256. */
export async function sign(secret: string, text: string): Promise<string> {
  const algorithm = { name: "HMAC", hash: "SHA-256" }
  const key = await crypto.subtle.importKey("raw", secretBytes(secret), algorithm, false, ["sign"])
  const signature = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(text))
  return btoa(String.fromCharCode(...new Uint8Array(signature)))
}

function judged({ status, headers }: Response): Sent {
  if (status >= 200 && status < 300) return { outcome: "taken" }
  const because = `it answered ${status}`
  // Standard Webhooks: whoever is gone wants no more of it.
  if (status === 410) return { outcome: "refused", because }
  const [, seconds] = /^(\d{1,5})$/.exec(headers.get("retry-after") ?? "") ?? []
  return { outcome: "failed", because, ...(seconds !== undefined && { afterMs: Number(seconds) * 1000 }) }
}
