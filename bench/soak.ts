/**
 * A mesh for hours: load, changes, senders who go away, streams and WebSockets, and what becomes of its memory and its latency.
 * Usage: `npm run soak`, or `node bench/soak.ts --minutes 480 --per-second 300 --change-every 10 --websockets 20`.
 */
import { parseArgs } from "node:util"
import { described } from "#test/support/latencies.ts"
import { runSoak } from "#test/support/soak-run.ts"

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "30" },
    "per-second": { type: "string", default: "300" },
    "change-every": { type: "string", default: "10" },
    websockets: { type: "string", default: "20" },
  },
})
const minutes = Number(values.minutes)
console.error(`${minutes} minutes at ${values["per-second"]} requests a second; the result comes at the end`)
const result = await runSoak({
  perSecond: Number(values["per-second"]),
  specialPerSecond: Number(values["per-second"]) / 10,
  webSockets: Number(values.websockets),
  changeEveryMs: Number(values["change-every"]) * 1000,
  ms: minutes * 60_000,
})
const { quarters, special, changes, echoes, cut, places, growthMibPerHour, rssMib, said } = result
for (const [index, quarter] of quarters.entries()) {
  console.log(`quarter ${index + 1}   failed ${quarter.failed} of ${described(quarter)} ${told(quarter.failures)}`)
}
console.log(`senders who left, and streams   failed ${special.failed} of ${special.count} ${told(special.failures)}`)
console.log(`WebSockets      ${echoes} words came back, ${cut} of ${values.websockets} cut`)
console.log(`places          ${told(places)} when all were asked for at once`)
console.log(`changes         ${changes}`)
console.log(`memory          ${rssMib.toFixed(0)} MiB, ${growthMibPerHour.toFixed(1)} MiB an hour in the second half`)
if (said !== "") console.log(`the runtime said:\n${said}`)
const isFree = Object.keys(places).join() === "200"
if (!isFree || cut > 0 || said !== "" || [...quarters, special].some(({ failed }) => failed > 0)) process.exitCode = 1

function told(failures: Readonly<Record<string, number>>): string {
  return Object.keys(failures).length > 0 ? JSON.stringify(failures) : ""
}
