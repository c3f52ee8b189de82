/** The blast radius of a change, for people: which share of requests fares otherwise, whose, and how. */
import type { FateChange, Preview, Unjudged } from "#shared/protocol/preview.ts"
import { age, count, type Paint, plain } from "./output.ts"

const STYLE = {
  refusal: "red",
  answer: "yellow",
  backend: "yellow",
  rewrite: "yellow",
  policy: "yellow",
  route: "dim",
} as const
const NO_SAMPLES = "no requests were seen lately: nothing can be said of what would become of them"

export function blastText({ blast, missing, head }: Preview, nowMs: number, paint: Paint): string {
  const { samples, requests, share, sinceMs, changes, more, unjudged = [] } = blast
  const silent = missing.map((name) => `telemetry of ${plain(name)} does not answer: its requests are not among them\n`)
  const end = `preview against revision ${head}; nothing was applied\n`
  if (samples === 0) return [NO_SAMPLES, "\n", ...silent, end].join("")
  const since = sinceMs === undefined ? "" : ` of the last ${age(sinceMs, nowMs)}`
  const seen = `${count(samples, "sampled request")}${since}, which stand for ${Math.round(requests)}`
  const whole = share === 0 ? paint("green", "none would fare otherwise") : `${percent(share)} would fare otherwise`
  const rest = more > 0 ? `and ${count(more, "more change")}; -o json has them by share\n` : ""
  const lines = changes.map((change) => changeText(change, paint))
  const blind = unjudged.map((what) => `not judged: ${BLIND[what] ?? plain(what)}\n`)
  return [`${whole}: ${seen}\n`, ...lines, rest, ...blind, ...silent, end].join("")
}

const BLIND: Readonly<Record<Unjudged, string>> = {
  users:
    "rules about end users, claims, keys or addresses. Samples have none: they count as requests without; calling services are known",
  limits: "how many requests the other limits, breakers or timeouts will end; that depends on all that is under way",
}

function changeText({ kind, caller, before, after, share, examples }: FateChange, paint: Paint): string {
  const head = `${percent(share).padStart(7)}  ${paint(STYLE[kind], kind)}  from ${plain(caller)}: ${plain(before)} -> ${plain(after)}\n`
  const lines = examples.map(
    (example) => `           ${plain(example.request)}: ${plain(example.before)} -> ${plain(example.after)}\n`,
  )
  return head + lines.join("")
}

function percent(share: number): string {
  const value = share * 100
  return value > 0 && value < 0.1 ? "< 0.1 %" : `${value < 10 ? Math.round(value * 10) / 10 : Math.round(value)} %`
}
