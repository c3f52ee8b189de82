/** What is said of an alert, to receivers and in the log. */
import type { Severity, Slo } from "#shared/model/alerting.ts"
import type { Silence } from "#shared/protocol/alerts.ts"
import { formatDuration } from "#shared/std/duration.ts"
import type { AlertState } from "#shared/telemetry/alert.ts"
import type { BurnReading } from "#shared/telemetry/burn-rate.ts"
import { notificationBody } from "#shared/telemetry/notification.ts"

export interface Told {
  /** Of an objective that is gone only the id is known. */
  readonly slo: Pick<Slo, "id"> & Partial<Slo>
  readonly severity: Severity
  readonly state: AlertState
  readonly readings: readonly BurnReading[]
  readonly receiver: string
}

export function bodyOf({ slo, severity, state, readings, receiver }: Told): string {
  const isOver = state.phase === "resolved"
  return notificationBody({
    status: isOver ? "resolved" : "firing",
    ...{ receiver, severity, slo: slo.id, of: slo.indicator?.of },
    summary: summaryOf(slo, isOver),
    description: burnText(readings, severity),
    startsAtMs: state.phase === "inactive" ? 0 : state.sinceMs,
    ...(isOver && { endsAtMs: state.endedMs }),
  })
}

/** One line of JSON a change of phase, at the level that it deserves. */
export function logged(
  { id, notify }: Slo,
  severity: Severity,
  state: AlertState,
  readings: readonly BurnReading[],
  silence: Silence | undefined,
): void {
  const line = JSON.stringify({
    ...{ message: "weft alert", slo: id, severity, phase: state.phase, burn: burnText(readings, severity), notify },
    ...(silence && { silencedBy: silence.by }),
  })
  if (state.phase === "firing") console.error(line)
  else console.info(line)
}

function summaryOf({ id, indicator, target }: Told["slo"], isOver: boolean): string {
  if (!indicator || target === undefined) return `${id} is no objective any more`
  const { of, latencyMs } = indicator
  const percent = Number((target * 100).toFixed(6))
  const promise =
    latencyMs === undefined ? `${percent} % available` : `${percent} % within ${formatDuration(latencyMs)}`
  const what = `the ${of.kind} ${of.id}, promised ${promise},`
  return isOver ? `${what} no longer spends its error budget too fast` : `${what} spends its error budget too fast`
}

/** `14.4x: 31.2x in 1h, 33.0x in 5m`, of the pairs of windows that matter. */
function burnText(readings: readonly BurnReading[], severity: Severity): string {
  return readings
    .filter((reading) => reading.severity === severity)
    .map(({ long, short, longMs, shortMs, factor }) => {
      const [inLong, inShort] = [
        `${long.toFixed(1)}x in ${formatDuration(longMs)}`,
        `${short.toFixed(1)}x in ${formatDuration(shortMs)}`,
      ]
      return `${inLong}, ${inShort} (limit ${factor}x)`
    })
    .join("; ")
}
