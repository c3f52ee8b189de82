/**
 * Whether a snapshot of which one bit was flipped is ever served: on its way, in a data centre's cache, in KV.
 * Usage: `npm run flips`, or `node bench/flips.ts --flips 10000 --seed 1`.
 */
import { parseArgs } from "node:util"
import { say } from "#scripts/progress.ts"
import { runFlips } from "#test/support/flip-run.ts"

const { values } = parseArgs({
  options: { flips: { type: "string", default: "10000" }, seed: { type: "string", default: "1" } },
})
const { flips, corrupt, refused, unharmed } = await runFlips(Number(values.flips), Number(values.seed), say)
console.log(`${flips} flips: ${corrupt.length} served, ${refused} refused, ${unharmed} without harm`)
for (const { flipped, seed } of corrupt)
  console.log(`  again: npm run flips -- --flips 1 --seed ${seed}    (${flipped})`)
if (corrupt.length > 0) process.exitCode = 1
