/**
 * Metastable failure: load at 80 % of an upstream's capacity, which falls to 40 % for a while and comes back. What is answered well,
 * second by second, by what guards the service. Usage: `node bench/metastable.ts --queue 50 --trigger 10 --after 20 --only budget`.
 */
import { parseArgs } from "node:util"
import { say } from "#scripts/progress.ts"
import type { ServicePolicy } from "#shared/model/policy.ts"
import { ADAPTIVE, ARMED, runMetastable, THROTTLED, WITHOUT_BUDGET } from "#test/support/metastable.ts"

const { values } = parseArgs({
  options: {
    queue: { type: "string", default: "50" },
    trigger: { type: "string", default: "10" },
    after: { type: "string", default: "20" },
    only: { type: "string", default: "" },
  },
})
const phases = { beforeSeconds: 5, triggerSeconds: Number(values.trigger), afterSeconds: Number(values.after) }
const guards: readonly (readonly [name: string, policy: ServicePolicy, heeds?: boolean])[] = [
  ["default budget", {}],
  ["budget off", WITHOUT_BUDGET],
  ["breaker + throttle", ARMED],
  ["throttle", THROTTLED],
  ["adaptive places", ADAPTIVE],
  ["upstream heeds deadlines", {}, true],
]
for (const [name, policy, heeds = false] of guards.filter(([name]) => name.includes(values.only))) {
  say(`${name}, of ${phases.beforeSeconds + phases.triggerSeconds + phases.afterSeconds} s`)
  const result = await runMetastable({ ...phases, policy, heeds, queueMax: Number(values.queue) })
  const { goodShares, floor, mean, recoverySeconds, attemptsAfter } = result
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`.padStart(5)
  const recovery = recoverySeconds === undefined ? "never" : `${recoverySeconds} s`
  console.log(
    `${name.padEnd(24)}  well again after ${recovery.padStart(5)}   in the trigger ${percent(floor)} of capacity at least,` +
      ` ${percent(mean)} on average   ${attemptsAfter.toFixed(2)}x attempts after it`,
  )
  const row = (from: number, to?: number) => goodShares.slice(from, to).map((share) => (100 * share).toFixed(0))
  const { beforeSeconds: before, triggerSeconds: trigger } = phases
  console.log(
    `  ${row(0, before).join(" ")} | ${row(before, before + trigger).join(" ")} | ${row(before + trigger).join(" ")}`,
  )
}
