/**
 * What a receiver of alerts gets: the JSON of Alertmanager's webhook (version 4), so that what understands that understands this, with the
 * headers of Standard Webhooks (https://www.standardwebhooks.com): `webhook-id`, `webhook-timestamp`, `webhook-signature`.
 */
import type { Severity } from "#shared/model/alerting.ts"
import { LIMITS } from "#shared/model/limits.ts"

export interface Notification {
  readonly status: "firing" | "resolved"
  readonly receiver: string
  /** `default/orders-available`. */
  readonly slo: string
  readonly severity: Severity
  /** Absent when the objective is gone. */
  readonly of: { readonly kind: "service" | "route"; readonly id: string } | undefined
  readonly summary: string
  readonly description: string
  readonly startsAtMs: number
  /** Of one that is resolved. */
  readonly endsAtMs?: number
}

/** What a Go program writes for no time at all. */
const NEVER = "0001-01-01T00:00:00Z"

export function notificationBody(told: Notification): string {
  const { status, receiver, slo, severity, of, summary, description, startsAtMs, endsAtMs } = told
  const [namespace, alertname] = slo.split("/")
  const labels = { alertname, namespace, severity, ...(of && { [of.kind]: of.id }) }
  const annotations = { summary, description }
  const startsAt = new Date(startsAtMs).toISOString()
  const endsAt = endsAtMs === undefined ? NEVER : new Date(endsAtMs).toISOString()
  return JSON.stringify({
    version: "4",
    groupKey: `${slo}/${severity}`,
    truncatedAlerts: 0,
    ...{ status, receiver },
    groupLabels: { alertname, severity },
    commonLabels: labels,
    commonAnnotations: annotations,
    externalURL: "",
    alerts: [{ status, labels, annotations, startsAt, endsAt, generatorURL: "", fingerprint: `${slo}/${severity}` }],
  })
}

/** The text that is signed. The id stays the same when a notification is sent again; the time is that of the attempt. */
export function signedText(id: string, timestampSeconds: number, body: string): string {
  return `${id}.${timestampSeconds}.${body}`
}

/** The bytes that sign: what follows `whsec_` is base64; any other text is itself. */
export function secretBytes(secret: string): Uint8Array<ArrayBuffer> {
  if (!secret.startsWith("whsec_")) return new Uint8Array(new TextEncoder().encode(secret))
  return Uint8Array.from(atob(secret.slice("whsec_".length)), (char) => char.charCodeAt(0))
}

/** How long until a notification is tried again, after so many failures in a row. `dice` is 0 to below 1. */
export function retryAfterMs(failures: number, dice: number): number {
  return Math.min(LIMITS.webhookRetryMs * 2 ** (failures - 1), LIMITS.webhookRetryMsMax) * (0.75 + dice / 2)
}
