/**
 * Simulates how revisions spread, how breakers agree and how limits are shared, under virtual time with everything that goes wrong:
 *
 *   npm run simulate -- --seed 1 --schedules 100000      this many schedules, from this seed on
 *   npm run simulate -- --seed 4711                       one schedule; a failure comes with a small trace, and is the same each time
 *   npm run simulate -- --plants                          plants each bug that is known how to plant, and says the seed that finds it
 */
import { parseArgs } from "node:util"
import { SCENARIOS, scenarioOf, scenarioWith } from "#simulator/scenarios.ts"
import { shrink, simulate } from "#simulator/simulate.ts"

const TRACE_LINES = 40
const PLANT_SEEDS_MAX = 20_000

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    schedules: { type: "string", default: "1" },
    plant: { type: "string" },
    plants: { type: "boolean", default: false },
  },
})

process.exitCode = values.plants ? findPlants() : run(Number(values.seed), Number(values.schedules), values.plant)

function run(first: number, schedules: number, plant: string | undefined): number {
  const scenario = plant === undefined ? undefined : scenarioWith(plant)
  if (plant !== undefined && !scenario) {
    console.error(
      `there is no bug "${plant}" to plant; there are ${SCENARIOS.flatMap(({ plants }) => Object.keys(plants)).join(", ")}`,
    )
    return 2
  }
  const options = { ...(scenario && { scenario }), ...(plant !== undefined && { plant }) }
  const startedAtMs = performance.now()
  for (let seed = first; seed < first + schedules; seed++) {
    if (!simulate(seed, options)) continue
    const { shape, failure } = shrink(seed, options)!
    console.log(failure.trace.slice(-TRACE_LINES).join("\n"))
    console.log(`\nseed ${seed} (${(scenario ?? scenarioOf(seed)).name}) breaks a promise: ${failure.message}`)
    console.log(`made as small as it gets: ${JSON.stringify(shape)}`)
    console.log(`again: npm run simulate -- --seed ${seed}${plant === undefined ? "" : ` --plant ${plant}`}`)
    return 1
  }
  const tookMs = performance.now() - startedAtMs
  const rate = Math.round((schedules / tookMs) * 60_000)
  console.log(
    `${schedules} schedules from seed ${first}: all promises held (${(tookMs / 1000).toFixed(1)} s, ${rate} a minute)`,
  )
  return 0
}

function findPlants(): number {
  let missed = 0
  for (const { name, plants, ...scenario } of SCENARIOS) {
    for (const [plant, { breaks }] of Object.entries(plants)) {
      const seed = firstSeed({ ...scenario, name, plants }, plant, breaks)
      if (seed === undefined) missed += 1
      console.log(
        `${name.padEnd(12)} ${plant.padEnd(26)} breaks ${breaks.padEnd(18)} ${seed === undefined ? "NOT FOUND" : `seed ${seed}`}`,
      )
    }
  }
  return missed === 0 ? 0 : 1
}

function firstSeed(scenario: (typeof SCENARIOS)[number], plant: string, breaks: string): number | undefined {
  for (let seed = 1; seed <= PLANT_SEEDS_MAX; seed++) {
    if (simulate(seed, { scenario, plant })?.invariant === breaks) return seed
  }
  return undefined
}
