/**
 * One breaker over many isolates of the proxy, with its object killed again and again.
 * Usage: `node bench/breakers.ts --isolates 30 --probes 1 --kills 5`.
 */
import { parseArgs } from "node:util"
import { say } from "#scripts/progress.ts"
import { runBreakers } from "#test/support/breaker-isolates.ts"

const { values } = parseArgs({
  options: {
    isolates: { type: "string", default: "30" },
    probes: { type: "string", default: "1" },
    kills: { type: "string", default: "5" },
  },
})
const { isolates, probes, kills } = values
say(`${isolates} isolates, ${kills} kills`)
const result = await runBreakers({ isolates: Number(isolates), probes: Number(probes), kills: Number(kills) })
const at = (share: number) => result.refusesAfterMs[Math.floor(share * (result.refusesAfterMs.length - 1))]!
console.log(`${isolates} isolates refuse   p50 ${at(0.5).toFixed(0)} ms   p99 ${at(0.99).toFixed(0)} ms`)
console.log(
  `probes at once ${result.probesAtOnce} of ${probes}, ${result.probesSent} in all, ${kills} kills of the object`,
)
console.log(`all pass again after ${(result.passesAfterMs / 1000).toFixed(1)} s`)
