/** T9: a valid but bad change under guard: the share of requests that it reached, and the time until it was undone. */
import { parseArgs } from "node:util"
import { say } from "#scripts/progress.ts"
import { guardedRun } from "#test/support/guarded-run.ts"

const { values } = parseArgs({
  options: {
    proxies: { type: "string", default: "3" },
    rate: { type: "string", default: "500" },
    runs: { type: "string", default: "3" },
    share: { type: "string", default: "1" },
    change: { type: "string", default: "bad" },
    hold: { type: "string", default: "60" },
  },
})

for (let run = 1; run <= Number(values.runs); run++) {
  say(`run ${run} of ${values.runs}, at most 300 s`)
  const result = await guardedRun({
    ...{ proxies: Number(values.proxies), rate: Number(values.rate), change: values.change as "bad" | "good" },
    guard: { stages: [Number(values.share)], holdSeconds: Number(values.hold) },
    atMostMs: 300_000,
  })
  const { rollout, requests, byCandidate, failed, backwards, endedAfterMs, lastBadAfterMs, revisionAfter } = result
  const exposed = ((byCandidate * 100) / requests).toFixed(2)
  console.log(`run ${run}: ${rollout.phase} after ${(endedAfterMs / 1000).toFixed(1)} s: ${rollout.reason}`)
  console.log(
    `  ${byCandidate} of ${requests} requests went by it (${exposed} %), ${failed} failed; ${backwards} chains went back`,
  )
  console.log(`  the last of them after ${(lastBadAfterMs / 1000).toFixed(1)} s; then all by revision ${revisionAfter}`)
}
