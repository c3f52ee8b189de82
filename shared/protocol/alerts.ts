/** What crosses the boundary between control and the `Alerts` object, one a mesh: `env.ALERTS.getByName(MESH)`. */
import type { Severity } from "#shared/model/alerting.ts"

/** Under this name the route table tells the object that a revision concerns it; no service has it, since their ids have a slash. */
export const ALERTS = "alerts"

export interface AlertList {
  readonly slos: readonly SloStatus[]
  /** Those that are not over. */
  readonly silences: readonly Silence[]
  readonly receivers: readonly ReceiverStatus[]
  /** The end of the last minute that was judged; absent: none yet. */
  readonly judgedMs?: number
  /** Shards of telemetry whose counts are behind: what they counted is missing until they answer. */
  readonly missing: readonly string[]
}

export interface SloStatus {
  /** `default/orders-available`. */
  readonly id: string
  /** What it is about: a service's or route's id. */
  readonly of: { readonly kind: "service" | "route"; readonly id: string }
  /** The share that has to go well: 0.999. */
  readonly target: number
  /** The threshold that counts go by, which may be up to 4.4 % off what was asked for. Absent: availability. */
  readonly withinMs?: number
  /** Of the last 30 days, or of as much of them as was counted. */
  readonly total: number
  readonly bad: number
  /** The share of the error budget of 30 days that is left, taking the requests so far for all. Below 0 when it is overspent. */
  readonly budgetLeft: number
  readonly notify: readonly string[]
  readonly alerts: readonly AlertStatus[]
}

export interface AlertStatus {
  readonly severity: Severity
  readonly phase: "inactive" | "pending" | "firing" | "resolved"
  /** Since when it is pending or firing; of a resolved one, when it began to fire. */
  readonly sinceMs?: number
  readonly endedMs?: number
  readonly silenced?: { readonly id: string; readonly untilMs: number }
  readonly acknowledged?: { readonly by: string; readonly untilMs: number; readonly reason: string }
  /** How many times as fast as the budget allows it is spent, in each pair of windows. */
  readonly burn: readonly BurnStatus[]
}

export interface BurnStatus {
  /** From this rate on, in both windows. */
  readonly factor: number
  readonly longMs: number
  readonly shortMs: number
  readonly long: number
  readonly short: number
  readonly holds: boolean
}

export interface ReceiverStatus {
  readonly id: string
  /** Notifications that it has not taken yet. */
  readonly waiting: number
  /** Since when the oldest of them waits, and why. */
  readonly sinceMs?: number
  readonly because?: string
}

/** Which alerts a silence is about: one objective, all of a namespace, or with neither all of the mesh. */
export interface SilenceScope {
  readonly namespace?: string
  readonly slo?: string
}

export interface Silence extends SilenceScope {
  readonly id: string
  readonly by: string
  readonly reason: string
  readonly createdAtMs: number
  readonly untilMs: number
}

/** In the API: `slo` needs a namespace; absent with `namespace`: all of it. */
export interface NewSilence extends SilenceScope {
  readonly forSeconds: number
  readonly reason?: string
}

export interface NewAcknowledgement {
  readonly namespace: string
  readonly slo: string
  /** Absent: both. */
  readonly severity?: Severity
  readonly forSeconds: number
  readonly reason?: string
}

/** How many firing alerts were acknowledged; at least one. */
export interface Acknowledged {
  readonly alerts: number
}

export type Silenced = { readonly outcome: "silenced"; readonly silence: Silence } | { readonly outcome: "full" }

export interface AlertsRpc {
  /** A revision has brought, changed or taken away what is judged. */
  follow(revision: number): Promise<void>
  list(): Promise<AlertList>
  silence(silence: Omit<Silence, "id" | "createdAtMs">): Promise<Silenced>
  /** The silence that was ended; undefined when there is none. `within`: only of these namespaces. */
  unsilence(id: string, within?: readonly string[]): Promise<Silence | undefined>
  /** How many firing alerts were acknowledged. */
  acknowledge(what: {
    readonly slo: string
    readonly severity?: Severity
    readonly by: string
    readonly untilMs: number
    readonly reason: string
  }): Promise<number>
}
