/** Checks of what is promised, and of who hears when it is not kept. */
import { LIMITS } from "#shared/model/limits.ts"
import type { AlertList, AlertStatus, SloStatus } from "#shared/protocol/alerts.ts"
import { type Check, type Facts, type Unwell, unlessUnwell } from "./checkup-kit.ts"
import { age, count, plain } from "./output.ts"

/** Judged once a minute; this is three of them. */
const LATE_MS = 3 * LIMITS.alertStepMs + LIMITS.alertSettleMs

export function checkAlerts({ alerts, nowMs }: Facts): Check[] {
  if (!alerts) return []
  const { slos, silences } = alerts
  if (slos.length === 0) {
    const message = "no objectives: nobody hears when the mesh does badly (docs/how-to/alerts.md)"
    return [{ section: "alerts", rule: "objectives", state: "skipped", message }]
  }
  const unwell = [
    ...lateChecks(alerts, nowMs),
    ...slos.flatMap((slo) => slo.alerts.flatMap((alert) => alertChecks(slo, alert, nowMs))),
    ...receiverChecks(alerts, nowMs),
  ]
  const quiet = silences.length === 0 ? "" : `; ${count(silences.length, "silence")}`
  const message = `${count(slos.length, "objective")} kept, no alert fires${quiet}`
  return unlessUnwell(unwell, { section: "alerts", rule: "alerts", state: "ok", message })
}

function lateChecks({ judgedMs, missing }: AlertList, nowMs: number): Unwell[] {
  const about = { section: "alerts" } as const
  const unwell: Unwell[] = []
  if (judgedMs !== undefined && nowMs - judgedMs > LATE_MS) {
    const message = `nothing was judged for ${age(judgedMs, nowMs)}: nobody is alerted meanwhile`
    unwell.push({
      ...about,
      rule: "not-judged",
      state: "problem",
      message,
      hint: "control's log says why the object of alerts fails",
    })
  }
  for (const shard of missing) {
    const hint = "its counts come when it answers; until then no alert is resolved"
    unwell.push({
      ...about,
      rule: "counts-missing",
      state: "warning",
      path: `telemetry ${plain(shard)}`,
      message: "did not answer the last judgement",
      hint,
    })
  }
  return unwell
}

/** Who says that he is at it knows already. */
function alertChecks(
  { id }: SloStatus,
  { severity, phase, sinceMs, silenced, acknowledged }: AlertStatus,
  nowMs: number,
): Unwell[] {
  if (phase !== "firing") return []
  const name = plain(id).replace(/^default\//, "")
  const asides = [
    ...(silenced ? ["silenced"] : []),
    ...(acknowledged ? [`acknowledged by ${plain(acknowledged.by)}`] : []),
  ]
  const aside = asides.length === 0 ? "" : ` (${asides.join(", ")})`
  return [
    {
      ...{ section: "alerts", rule: "firing", path: `slos.${name}` },
      state: severity === "page" && asides.length === 0 ? "problem" : "warning",
      message: `${severity} fires for ${age(sinceMs ?? nowMs, nowMs)}${aside}`,
      hint: `weft alerts shows how fast the budget is spent; weft alerts ack ${name} says that you are at it`,
    },
  ]
}

function receiverChecks({ receivers }: AlertList, nowMs: number): Unwell[] {
  return receivers.flatMap(({ id, waiting, sinceMs, because }): Unwell[] => {
    if (waiting === 0) return []
    const message = `does not take notifications: ${waiting} wait, the oldest for ${age(sinceMs ?? nowMs, nowMs)} (${plain(because ?? "not tried yet")})`
    const path = `receivers.${plain(id).replace(/^default\//, "")}`
    return [
      {
        section: "alerts",
        rule: "receiver-behind",
        state: "warning",
        path,
        message,
        hint: "mend the receiver, or its URL; they are sent again for a day",
      },
    ]
  })
}
