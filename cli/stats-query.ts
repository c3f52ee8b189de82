/** From the options of a command to a question for statistics. */
import { LIMITS } from "#shared/model/limits.ts"
import type { StatsBy } from "#shared/model/telemetry.ts"
import { type Call, EXIT, type Failure } from "./command.ts"
import { SUBJECTS } from "./stats-text.ts"

export interface StatsQuery {
  readonly by: StatsBy
  /** Seconds. */
  readonly window: number
  readonly points?: number
  readonly from?: string
  readonly to?: string
}

const WINDOW_MS_MAX = LIMITS.telemetrySlots * LIMITS.telemetrySlotMs

export function statsQuery(
  { options }: Pick<Call, "options">,
  subject: string,
  windowMsDefault: number,
): (StatsQuery & { readonly windowText: string }) | Failure {
  const by = SUBJECTS[subject]
  const windowMs = options.window ?? windowMsDefault
  if (!by) {
    const hint = "there are services, subsets, routes and edges"
    return { exit: EXIT.usage, message: `there are no statistics of "${subject}"`, hint }
  }
  if (windowMs < LIMITS.telemetrySlotMs || windowMs > WINDOW_MS_MAX) {
    const hint = "Prometheus keeps more: docs/how-to/observe.md"
    return { exit: EXIT.usage, message: "--window is from 10s to 1h", hint }
  }
  const { from, to } = options
  const window = Math.ceil(windowMs / 1000)
  return { by, window, windowText: durationText(window), ...(from && { from }), ...(to && { to }) }
}

function durationText(seconds: number): string {
  if (seconds % 3_600 === 0) return `${seconds / 3_600}h`
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`
}
