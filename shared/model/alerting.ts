/** What a mesh promises and who hears when it is not kept, resolved. Control's alone: no snapshot has it. */
import type { RouteId, ServiceId, SloId } from "./names.ts"

export interface Slo {
  readonly id: SloId
  readonly indicator: Indicator
  /** The share of requests that has to go well, above 0 and below 1. */
  readonly target: number
  readonly forMs: number
  readonly minFailures: number
  /** Ids of receivers, `default/oncall`. */
  readonly notify: readonly string[]
}

/** Which requests count, and which of them are bad. */
export interface Indicator {
  readonly of: { readonly kind: "service"; readonly id: ServiceId } | { readonly kind: "route"; readonly id: RouteId }
  /** Absent: availability. */
  readonly latencyMs?: number
}

export type Receiver = { readonly id: string; readonly secret: string } & (
  | { readonly url: string }
  /** Through the mesh. */
  | { readonly service: ServiceId; readonly path: string }
)

/** Who calls a service that is a receiver: what policies see. */
export const ALERTS_CALLER = "weft/alerts"

export interface Alerting {
  readonly slos: readonly Slo[]
  readonly receivers: readonly Receiver[]
}

/** `page` wants somebody at once, `ticket` within days. */
export const SEVERITIES = ["page", "ticket"] as const
export type Severity = (typeof SEVERITIES)[number]
