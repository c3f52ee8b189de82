/**
 * Whether a killed mesh keeps what it acknowledged: `kill -9` of the control process while four clients write at once and a fifth reads.
 * Usage: `npm run kill -- --kills 300 --seed 1`. Ends with 1 when anything was lost, done twice, left out, or seen in an impossible order.
 */
import { parseArgs } from "node:util"
import { say } from "#scripts/progress.ts"
import { Dice } from "#simulator/dice.ts"
import { isFine, type KillResult, runKills } from "#test/support/kill-run.ts"

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "300" },
    writers: { type: "string", default: "4" },
    seed: { type: "string", default: "1" },
    /** Between two kills, at most. */
    acknowledgements: { type: "string", default: "40" },
  },
})
const dice = new Dice(Number(values.seed))
const result = await runKills({
  kills: Number(values.kills),
  writers: Number(values.writers),
  acknowledgementsMax: Number(values.acknowledgements),
  roll: () => dice.next(),
  say,
})
console.log(textOf(result))
if (!isFine(result)) process.exitCode = 1

function textOf(result: KillResult): string {
  const { kills, acknowledged, revisions, refused, unanswered, unansweredDone, reads, violation } = result
  const restarts = [...result.restartMs].sort((a, b) => a - b)
  const at = (share: number) => restarts[Math.min(restarts.length - 1, Math.floor(restarts.length * share))]!.toFixed(0)
  return `${kills} kills in ${(result.tookMs / 1000).toFixed(1)} s; it listened again after p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, at most ${at(1)} ms
${acknowledged} writes acknowledged, ${result.lost.length} of them lost; ${refused} refused, ${result.open} without an answer in the end
${unanswered} got no answer at first, ${unansweredDone} of those had been done; asked again, ${result.repeated.length} were done twice
${revisions} revisions, ${result.isDense ? "1, 2, 3 without a gap" : "WITH GAPS"}; ${result.uncalledFor.length} that nobody asked for
${reads} reads; one history of ${reads + acknowledged + refused + result.open} operations is ${violation ? "NOT " : ""}linearizable, checked in ${result.checkMs.toFixed(0)} ms${violation ? `\n${JSON.stringify(violation, undefined, 2)}` : ""}`
}
