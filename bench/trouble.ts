/**
 * What requests notice of objects that are slow, hang or are down.
 * Usage: `npm run trouble`, or `node bench/trouble.ts --isolates 10 --per-second 200 --seconds 60`, of each kind of trouble.
 */
import { parseArgs } from "node:util"
import { say } from "#scripts/progress.ts"
import { described } from "#test/support/latencies.ts"
import { runTrouble } from "#test/support/trouble-run.ts"

const { values } = parseArgs({
  options: {
    isolates: { type: "string", default: "10" },
    "per-second": { type: "string", default: "200" },
    seconds: { type: "string", default: "60" },
    "lease-ms": { type: "string", default: "2000" },
  },
})
const phases = await runTrouble({
  isolates: Number(values.isolates),
  perSecond: Number(values["per-second"]),
  phaseMs: Number(values.seconds) * 1000,
  leaseMs: Number(values["lease-ms"]),
  say,
})
for (const { name, failed, coldStatus, coldMs, calls, ...times } of phases) {
  console.log(
    `${name.padEnd(11)} failed ${failed} of ${described(times)}; a cold isolate ${coldStatus} after ${coldMs.toFixed(0)} ms; ${calls} questions`,
  )
}
if (phases.some(({ failed, coldStatus }) => failed > 0 || coldStatus !== 200)) process.exitCode = 1
