/**
 * Whether Prometheus is told what really happened: requests through several isolates of the proxy, each a process of its own; one is
 * killed while it holds counts, and the control process once as well.
 * Usage: `npm run count`, or `node bench/count.ts --isolates 5 --requests 100000 --no-kill-control`.
 */
import { parseArgs } from "node:util"
import { say } from "#scripts/progress.ts"
import { runCount } from "#test/support/count-run.ts"

const { values } = parseArgs({
  allowNegative: true,
  options: {
    isolates: { type: "string", default: "5" },
    requests: { type: "string", default: "100000" },
    concurrency: { type: "string", default: "16" },
    "kill-isolate": { type: "boolean", default: true },
    "kill-control": { type: "boolean", default: true },
  },
})
const [isolates, requests, concurrency] = [values.isolates, values.requests, values.concurrency].map(Number) as [
  number,
  number,
  number,
]
const run = {
  isolates,
  requests,
  concurrency,
  killsIsolate: values["kill-isolate"],
  killsControl: values["kill-control"],
  say,
}
const { answered, unanswered, counted, lost, bound, repeatedReports, tookMs } = await runCount(run)
const total = Object.values(answered).reduce((sum, n) => sum + n, 0)
console.log(
  `${total} answers from ${isolates} isolates in ${(tookMs / 1000).toFixed(1)} s, ${unanswered} requests without one`,
)
for (const kind of Object.keys(answered).sort())
  console.log(`  ${kind}  answered ${answered[kind]}  counted ${counted[kind] ?? 0}`)
console.log(`lost with the isolate that was killed: ${lost}; it had answered ${bound} since all was reported`)
console.log(`reports that came again and were not counted again: ${repeatedReports}`)
if (lost < 0 || lost > bound) process.exitCode = 1
