/**
 * An alert as a machine: what it goes through while its condition holds and does not, and when somebody is to hear of it. Time goes by
 * the minutes that were judged, so that how late a judgement is made decides nothing.
 *
 *   inactive --holds--> pending --for as long as asked--> firing --clear for a while--> resolved --a day--> inactive
 *       ^                  |                                ^                              |
 *       +---- clear -------+                                +--- holds: pending first -----+
 */
import { LIMITS } from "#shared/model/limits.ts"

export type AlertState =
  | { readonly phase: "inactive" }
  | { readonly phase: "pending"; readonly sinceMs: number }
  /** `clearMs`: since when the condition has not held. */
  | { readonly phase: "firing"; readonly sinceMs: number; readonly clearMs?: number }
  | { readonly phase: "resolved"; readonly sinceMs: number; readonly endedMs: number }

export interface Acknowledgement {
  readonly by: string
  readonly untilMs: number
  readonly reason: string
}

export interface Alert {
  readonly state: AlertState
  /** Who was told that it fires, and when last; absent: nobody yet. */
  readonly told?: { readonly atMs: number; readonly receivers: readonly string[] }
  readonly acknowledged?: Acknowledgement
}

export const INACTIVE: Alert = { state: { phase: "inactive" } }

const SHOWN_MS = 24 * 60 * 60 * 1000

/** `holds` is undefined when it could not be found out: then nothing begins and nothing ends. */
export function advance(state: AlertState, holds: boolean | undefined, forMs: number, nowMs: number): AlertState {
  switch (state.phase) {
    case "inactive":
      return holds ? begun(forMs, nowMs) : state
    case "resolved":
      if (holds) return begun(forMs, nowMs)
      return nowMs - state.endedMs >= SHOWN_MS ? { phase: "inactive" } : state
    case "pending":
      if (holds === false) return { phase: "inactive" }
      return holds && nowMs - state.sinceMs >= forMs ? { phase: "firing", sinceMs: nowMs } : state
    case "firing": {
      if (holds === undefined) return state
      const { sinceMs, clearMs = nowMs } = state
      if (holds) return { phase: "firing", sinceMs }
      if (nowMs - clearMs < LIMITS.alertClearMs) return { phase: "firing", sinceMs, clearMs }
      return { phase: "resolved", sinceMs, endedMs: nowMs }
    }
  }
}

function begun(forMs: number, nowMs: number): AlertState {
  return forMs === 0 ? { phase: "firing", sinceMs: nowMs } : { phase: "pending", sinceMs: nowMs }
}

export interface Telling {
  readonly status: "firing" | "resolved"
  readonly receivers: readonly string[]
}

/**
 * What is to be told now, and the alert as it is once that is on its way. A silence keeps back that it fires; when it ends and the alert
 * still does, that is told. Whoever was told that it fires is told that it is over, silence or not: else he would wait for it forever.
 * Who has become a receiver meanwhile is told at once; for the others that is no reminder.
 */
export function tell(
  alert: Alert,
  {
    receivers,
    isSilenced,
    nowMs,
  }: { readonly receivers: readonly string[]; readonly isSilenced: boolean; readonly nowMs: number },
): { readonly alert: Alert; readonly telling?: Telling } {
  const { state, told, acknowledged } = alert
  if (state.phase !== "firing") {
    if (!told && !acknowledged) return { alert }
    return { alert: { state }, ...(told && { telling: { status: "resolved", receivers: told.receivers } }) }
  }
  const isQuiet = acknowledged !== undefined && nowMs < acknowledged.untilMs
  const isDue = !told || (!isQuiet && nowMs - told.atMs >= LIMITS.alertRepeatMs)
  const toTell = isDue ? receivers : receivers.filter((one) => !told.receivers.includes(one))
  if (isSilenced || toTell.length === 0) return { alert }
  const all = [...new Set([...(told?.receivers ?? []), ...receivers])]
  const atMs = isDue ? nowMs : told.atMs
  return { alert: { ...alert, told: { atMs, receivers: all } }, telling: { status: "firing", receivers: toTell } }
}

/** Of a firing alert; it ends with the alert at the latest. */
export function acknowledge(alert: Alert, acknowledged: Acknowledgement): Alert | undefined {
  return alert.state.phase === "firing" ? { ...alert, acknowledged } : undefined
}
