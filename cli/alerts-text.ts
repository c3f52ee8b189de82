/** Objectives, alerts and silences as people read them. */
import type { AlertList, AlertStatus, Silence, SloStatus } from "#shared/protocol/alerts.ts"
import { formatDuration } from "#shared/std/duration.ts"
import { age, expiry, type Paint, plain, table } from "./output.ts"

const NOTHING = "no objectives: declare some under `slos` in a document, see docs/how-to/alerts.md\n"

export function alertsText({ slos, silences, receivers, judgedMs }: AlertList, nowMs: number, paint: Paint): string {
  if (slos.length === 0) return NOTHING
  const worst = [...slos].sort((a, b) => gravity(b) - gravity(a) || a.id.localeCompare(b.id))
  const windows = worst[0]!.alerts.flatMap(({ burn }) => burn)
  const parts = [
    table(
      ["OBJECTIVE", "OF", "PROMISED", "BUDGET LEFT", ...windows.map(({ longMs }) => spanText(longMs)), "ALERTS"],
      worst.map((slo) => rowOf(slo, judgedMs, nowMs, paint)),
    ),
    ...(silences.length > 0 ? [silences.map((one) => `${silenceText(one, nowMs)}\n`).join("")] : []),
    ...(receivers.some(({ waiting }) => waiting > 0)
      ? [table(["RECEIVER", "WAITING", "SINCE", "BECAUSE"], waitingRows(receivers, nowMs, paint))]
      : []),
  ]
  return parts.join("\n")
}

/** `silence 3f0c9a1e of orders-available for 59m, by root: migration of orders`. */
export function silenceText({ id, namespace, slo, by, reason, untilMs }: Silence, nowMs: number): string {
  const all = namespace === undefined ? "the whole mesh" : `all of ${plain(namespace)}`
  const what = slo === undefined ? all : shortId(`${namespace}/${slo}`)
  return `silence ${plain(id)} of ${what}, ends ${expiry(untilMs, nowMs)}, by ${plain(by)}${reason ? `: ${plain(reason)}` : ""}`
}

function rowOf(slo: SloStatus, judgedMs: number | undefined, nowMs: number, paint: Paint): string[] {
  const { id, of, target, withinMs, total, budgetLeft, alerts } = slo
  const percent = `${Number((target * 100).toFixed(6))}%`
  const left = `${(Math.floor(budgetLeft * 1000) / 10).toFixed(1)}%`
  return [
    shortId(id),
    `${of.kind} ${shortId(of.id)}`,
    withinMs === undefined ? percent : `${percent} in ${formatDuration(withinMs)}`,
    total === 0 ? paint("dim", "-") : paint(budgetLeft > 0.25 ? "green" : budgetLeft > 0 ? "yellow" : "red", left),
    ...alerts.flatMap(({ burn }) => burn.map((one) => burnText(one.long, one.factor, paint))),
    judgedMs === undefined ? paint("dim", "not judged yet") : alertsOf(alerts, nowMs, paint),
  ]
}

function burnText(rate: number, factor: number, paint: Paint): string {
  const text = `${rate.toFixed(1)}x`
  return rate >= factor ? paint("red", text) : text
}

function alertsOf(alerts: readonly AlertStatus[], nowMs: number, paint: Paint): string {
  const shown = alerts.filter(({ phase }) => phase !== "inactive").map((alert) => alertText(alert, nowMs, paint))
  return shown.length === 0 ? paint("green", "none") : shown.join("; ")
}

export function alertText(
  { severity, phase, sinceMs, endedMs, silenced, acknowledged }: AlertStatus,
  nowMs: number,
  paint: Paint,
): string {
  const since = phase === "resolved" ? endedMs : sinceMs
  const when =
    since === undefined ? "" : ` ${phase === "resolved" ? `${age(since, nowMs)} ago` : `for ${age(since, nowMs)}`}`
  const color = phase === "firing" ? (severity === "page" ? "red" : "yellow") : "dim"
  const asides = [
    ...(silenced && phase !== "resolved" ? ["silenced"] : []),
    ...(acknowledged ? [`acknowledged by ${plain(acknowledged.by)}`] : []),
  ]
  return `${paint(color, `${severity} ${phase}`)}${when}${asides.length > 0 ? ` (${asides.join(", ")})` : ""}`
}

/** Firing pages first, then tickets, then what is pending. */
function gravity({ alerts }: SloStatus): number {
  const weigh = ({ severity, phase }: AlertStatus) =>
    phase === "firing" ? (severity === "page" ? 8 : 4) : phase === "pending" ? (severity === "page" ? 2 : 1) : 0
  return alerts.reduce((sum, alert) => sum + weigh(alert), 0)
}

function waitingRows(receivers: AlertList["receivers"], nowMs: number, paint: Paint): string[][] {
  return receivers
    .filter(({ waiting }) => waiting > 0)
    .map(({ id, waiting, sinceMs, because }) => [
      shortId(id),
      String(waiting),
      sinceMs === undefined ? "-" : `${age(sinceMs, nowMs)} ago`,
      paint("yellow", plain(because ?? "not tried yet")),
    ])
}

function spanText(ms: number): string {
  const hours = ms / 3_600_000
  return hours % 24 === 0 && hours > 0 ? `${hours / 24}D` : `${hours}H`
}

function shortId(id: string): string {
  return plain(id.startsWith("default/") ? id.slice("default/".length) : id)
}
