/**
 * How well a rate limit holds over many isolates: thirty proxies in one workerd against one limit, offered several times what
 * it allows, with the limiter there and without. Usage: `node bench/limits.ts --isolates 30 --seconds 10 --per-second 100`.
 */
import { parseArgs } from "node:util"
import { say } from "#scripts/progress.ts"
import { runLimit } from "#test/support/limit-run.ts"

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      isolates: { type: "string", default: "30" },
      seconds: { type: "string", default: "10" },
      "per-second": { type: "string", default: "100" },
      burst: { type: "string" },
    },
  })
  const [isolates, seconds, requests] = [values.isolates, values.seconds, values["per-second"]].map(Number) as [
    number,
    number,
    number,
  ]
  const burst = Number(values.burst ?? requests)
  const widths = [24, 10, 10, 10, 10, 12, 10, 10]
  const row = (cells: readonly (string | number)[]) =>
    console.log(cells.map((cell, index) => String(cell).padStart(widths[index] as number)).join(""))
  console.log(`${isolates} isolates, a limit of ${requests} a second with a burst of ${burst}, ${seconds} s`)
  row(["scope, limiter", "offered/s", "sent", "admitted", "allowed", "over", "p50 ms", "p99 ms"])
  for (const [scope, limiter, share, factor] of RUNS) {
    say(`${scope} limit, ${limiter}, of ${seconds} s`)
    const limit = { requests: requests * share, burst: burst * share, scope }
    const result = await runLimit({ isolates, limit, limiter, seconds, offered: requests * factor })
    const { sent, admitted, p50Ms, p99Ms } = result
    const allowed = limiter === "LimiterObject" ? Math.min(sent, result.allowed) : Math.min(sent, result.allowedAlone)
    const over = `${(((admitted - allowed) / allowed) * 100).toFixed(1)} %`
    const name = `${scope}, ${limiter.replace("Limiter", "").replace("Object", "there").toLowerCase()}`
    row([name, requests * factor, sent, admitted, Math.round(allowed), over, p50Ms.toFixed(1), p99Ms.toFixed(1)])
  }
}

/** Scope and limiter; the limit as a share of the one that was asked for, and what is offered as a multiple of it. */
const RUNS = [
  ["mesh", "LimiterObject", 1, 0.8],
  ["mesh", "LimiterObject", 1, 1.5],
  ["mesh", "LimiterObject", 1, 4],
  ["exact", "LimiterObject", 1, 1.5],
  ["mesh", "DeadLimiter", 0.05, 4],
  ["mesh", "SilentLimiter", 0.05, 4],
  ["exact", "SilentLimiter", 0.05, 4],
] as const

await main()
