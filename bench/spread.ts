/**
 * How fast and how orderly changes spread: isolates in all regions under load while revisions are applied, one after the other.
 * Usage: `npm run spread`, or `node bench/spread.ts --isolates 30 --revisions 1000 --per-second 500 --pause-ms 100`.
 */
import { parseArgs } from "node:util"
import { say } from "#scripts/progress.ts"
import { runSpread } from "#test/support/spread-run.ts"

const { values } = parseArgs({
  options: {
    isolates: { type: "string", default: "30" },
    revisions: { type: "string", default: "1000" },
    "per-second": { type: "string", default: "500" },
    "pause-ms": { type: "string", default: "100" },
  },
})
const [isolates, revisions, perSecond, pauseMs] = [
  ...[values.isolates, values.revisions, values["per-second"], values["pause-ms"]].map(Number),
] as [number, number, number, number]
const { requests, failed, backward, torn, lagsMs, tookMs } = await runSpread({
  isolates,
  revisions,
  perSecond,
  pauseMs,
  say,
})
const sorted = lagsMs.toSorted((a, b) => a - b)
const at = (share: number) => `${((sorted[Math.floor(share * (sorted.length - 1))] ?? 0) / 1000).toFixed(2)} s`
console.log(
  `${lagsMs.length} revisions through ${isolates} isolates in ${(tookMs / 1000).toFixed(0)} s, ${requests} requests`,
)
console.log(`failed ${failed}, backward ${backward}, torn ${torn}`)
console.log(`acknowledged to served by the last isolate: p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)}`)
if (failed + backward + torn > 0) process.exitCode = 1
