/**
 * Many isolates that start at once: what objects are asked, and how long first requests take.
 * Usage: `npm run herd`, or `node bench/herd.ts --isolates 200 --requests-each 5 --late-ms 0`.
 */
import { parseArgs } from "node:util"
import { say } from "#scripts/progress.ts"
import { runHerd } from "#test/support/herd-run.ts"
import { described } from "#test/support/latencies.ts"

const { values } = parseArgs({
  options: {
    isolates: { type: "string", default: "200" },
    "requests-each": { type: "string", default: "5" },
    "late-ms": { type: "string", default: "0" },
  },
})
const { failed, calls, ...times } = await runHerd({
  isolates: Number(values.isolates),
  requestsEach: Number(values["requests-each"]),
  lateMs: Number(values["late-ms"]),
  say,
})
console.log(`${values.isolates} isolates: failed ${failed} of ${described(times)}`)
for (const [method, count] of Object.entries(calls).sort()) console.log(`  ${method.padEnd(24)} ${count}`)
if (failed > 0) process.exitCode = 1
