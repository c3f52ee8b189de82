/**
 * What a snapshot does that nobody can serve: pushed past all checks into the route table, under load.
 * Usage: `npm run poison`, or `node bench/poison.ts --proxies 10 --per-second 200`.
 */
import { parseArgs } from "node:util"
import { say } from "#scripts/progress.ts"
import { poisons } from "#test/support/poison.ts"
import { runPoison } from "#test/support/poison-run.ts"

const { values } = parseArgs({
  options: { proxies: { type: "string", default: "10" }, "per-second": { type: "string", default: "200" } },
})
const all = poisons()
const run = { proxies: Number(values.proxies), perSecond: Number(values["per-second"]), poisons: all, say }
const { requests, failed, shownAfterMs, unseen, coldStatus, recovered } = await runPoison(run)
const sorted = shownAfterMs.toSorted((a, b) => a - b)
const at = (share: number) => ((sorted[Math.floor(share * (sorted.length - 1))] ?? 0) / 1000).toFixed(2)
console.log(`${all.length} poisons through ${run.proxies} isolates: ${failed} of ${requests} requests failed`)
console.log(
  `refused by all, and shown in the status: ${shownAfterMs.length}, after p50 ${at(0.5)} s, max ${at(1)} s; not: ${unseen.join("; ") || "none"}`,
)
console.log(
  `a cold isolate in the midst of it answered ${coldStatus}; all serve the good revision after it: ${recovered}`,
)
if (failed > 0 || unseen.length > 0 || coldStatus !== 200 || !recovered) process.exitCode = 1
