/**
 * What requests notice when the whole control plane stops, hangs or is slow: several proxy processes under a steady load.
 * Usage: `npm run outage`, or `node bench/outage.ts --proxies 3 --per-second 500 --stopped 600 --seconds 60`.
 */
import { parseArgs } from "node:util"
import { say } from "#scripts/progress.ts"
import { described } from "#test/support/latencies.ts"
import { runOutage } from "#test/support/outage-run.ts"

const { values } = parseArgs({
  options: {
    proxies: { type: "string", default: "3" },
    "per-second": { type: "string", default: "500" },
    stopped: { type: "string", default: "600" },
    seconds: { type: "string", default: "60" },
  },
})
const { phases, coldStatus, coldMs, servedAfterMs } = await runOutage({
  proxies: Number(values.proxies),
  perSecond: Number(values["per-second"]),
  stoppedMs: Number(values.stopped) * 1000,
  phaseMs: Number(values.seconds) * 1000,
  say,
})
for (const { name, failed, failures, ...times } of phases) {
  const how = failed > 0 ? ` ${JSON.stringify(failures)}` : ""
  console.log(`${name.padEnd(11)} failed ${failed} of ${described(times)}${how}`)
}
console.log(`a process that was started while all was stopped: ${coldStatus} after ${coldMs.toFixed(0)} ms`)
console.log(`a change after all of it is served by all after ${(servedAfterMs / 1000).toFixed(2)} s`)
if (coldStatus !== 200 || phases.some(({ failed }) => failed > 0)) process.exitCode = 1
