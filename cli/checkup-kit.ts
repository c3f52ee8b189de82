/** What checks of a running mesh are made of. */
import { LIMITS } from "#shared/model/limits.ts"
import type { AlertList } from "#shared/protocol/alerts.ts"
import type { Status } from "#shared/protocol/control-api.ts"
import type { Vitals } from "#shared/protocol/vitals.ts"

export const SECTIONS = ["control", "routes", "services", "telemetry", "credentials", "alerts", "wiring"] as const

export interface Check {
  readonly section: (typeof SECTIONS)[number]
  /** What is checked, for programs: `unbound`. */
  readonly rule: string
  /** `problem`: the mesh does not do what it should, and `weft check` fails. `skipped`: it could not be looked at. */
  readonly state: "ok" | "warning" | "problem" | "skipped"
  /** What it is about, when that is one of several. */
  readonly path?: string
  readonly message: string
  /** Always there with a warning or a problem. */
  readonly hint?: string
}

export type Unwell = Check & { readonly state: "warning" | "problem"; readonly hint: string }

export interface Facts {
  readonly status: Status
  /** Absent: control is older than this command, or the token may not ask. */
  readonly vitals: Vitals | undefined
  readonly alerts: AlertList | undefined
  /** Of this command. */
  readonly version: string
  readonly nowMs: number
  /** How long control took to answer. */
  readonly tookMs: number
}

/** An isolate with traffic takes up a change within this time; one that is silent for longer has none. */
export const LEASE_MS = LIMITS.snapshotSleepLeases * LIMITS.snapshotLeaseMs

/** One line that all is well, unless something is not. */
export function unlessUnwell(found: readonly Check[], well: Check): Check[] {
  return found.length > 0 ? [...found] : [well]
}
