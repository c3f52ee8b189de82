/** One trace as a tree of its hops, with what was decided at each. */
import type { AttemptRecord, Decision } from "#shared/telemetry/journal.ts"
import type { RecordedExchange, Trace } from "#shared/telemetry/recorded.ts"
import { type Paint, plain } from "./output.ts"
import { serviceText } from "./stats-text.ts"

export function traceText({ traceId, exchanges }: Trace, paint: Paint): string {
  const owners = new Map<string, RecordedExchange>()
  for (const exchange of exchanges) {
    for (const { spanId } of exchange.attemptRecords) owners.set(spanId, exchange)
    owners.set(exchange.trace.spanId, exchange)
  }
  const parentOf = ({ trace }: RecordedExchange) =>
    trace.parentId === undefined ? undefined : owners.get(trace.parentId)
  const begun = exchanges[0]?.atMs ?? 0
  const below = (parent: RecordedExchange | undefined, depth: number): string[] =>
    exchanges
      .filter((one) => parentOf(one) === parent)
      .flatMap((one) => [...hopLines(one, begun, depth, paint), ...below(one, depth + 1)])
  return `trace ${traceId}\n${below(undefined, 0).join("")}`
}

function hopLines(exchange: RecordedExchange, begun: number, depth: number, paint: Paint): string[] {
  const { atMs, durationMs, protocol, from, gateway, to, subset, method, path, status, refusal } = exchange
  const indent = "  ".repeat(depth + 1)
  const asked = protocol === "rpc" ? `${method}()` : `${method} ${path ?? ""}`
  const target = `${to === undefined ? "nobody" : serviceText(to)}${subset === undefined ? "" : `/${subset}`}`
  const answer = paint(
    status >= 500 ? "red" : status >= 400 ? "yellow" : "green",
    refusal ? `${status} ${refusal}` : `${status}`,
  )
  const source = from === undefined ? `gateway ${serviceText(gateway ?? "default/default")}` : serviceText(from)
  const head = `+${atMs - begun}ms  ${source} -> ${target}  ${plain(asked)}  ${answer}  ${durationMs}ms`
  const detail = (text: string) => `${indent}  ${paint("dim", text)}\n`
  return [
    `${indent}${head}\n`,
    detail(facts(exchange)),
    ...exchange.attemptRecords.map((attempt, index) => detail(attemptText(attempt, index))),
    ...exchange.decisions.map((decision) => detail(decisionText(decision))),
  ]
}

function facts({ revision, rule, attempts, colo, user, key }: RecordedExchange): string {
  return [
    `revision ${revision}`,
    rule === undefined ? "no rule" : `rule ${rule}`,
    `${attempts} ${attempts === 1 ? "attempt" : "attempts"}`,
    ...(colo === undefined ? [] : [`at ${colo}`]),
    ...(user === undefined ? [] : [`user ${plain(user)}`]),
    ...(key === undefined ? [] : [`key ${key}`]),
  ].join(", ")
}

function attemptText({ startedAtMs, endedAtMs, endpoint, status, refusal }: AttemptRecord, index: number): string {
  const took = endedAtMs === undefined ? "abandoned" : `${endedAtMs - startedAtMs}ms`
  return `attempt ${index + 1} at ${endpoint}: ${refusal ?? status ?? "no answer"}, ${took}`
}

function decisionText({ name, details }: Decision): string {
  const told = Object.entries(details).map(([key, value]) => `${key}=${plain(String(value))}`)
  return [name.replaceAll("_", " "), ...told].join(" ")
}
