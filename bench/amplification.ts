/**
 * What retries add to an outage: attempts at the last service of a three-hop chain for each request, when it fails always and when it
 * fails one in a hundred. Usage: `node bench/amplification.ts --seconds 60 --per-second 100`.
 */
import { parseArgs } from "node:util"
import { say } from "#scripts/progress.ts"
import { runAmplification } from "#test/support/amplification.ts"

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "60" }, "per-second": { type: "string", default: "100" } },
})
const load = { seconds: Number(values.seconds), perSecond: Number(values["per-second"]) }
const failRates = [1, 0.01]
const results = await runAmplification(
  failRates.map((failRate) => ({ ...load, failRate })),
  say,
)
for (const [index, { requests, attempts, good }] of results.entries()) {
  const share = `${(failRates[index]! * 100).toFixed(0)} %`.padStart(5)
  const answered = `${((100 * good) / requests).toFixed(2)} % answered well`
  console.log(
    `${share} fail   ${requests} requests   ${attempts} attempts   ${(attempts / requests).toFixed(3)}x   ${answered}`,
  )
}
