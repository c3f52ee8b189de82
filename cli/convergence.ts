/** Waiting until a revision is served everywhere: a fact that the isolates report, not a guess. */
import { LIMITS } from "#shared/model/limits.ts"
import type { IsolateStatus } from "#shared/protocol/route-table.ts"
import type { Client } from "./client.ts"
import { type Call, EXIT, type ExitCode, failed } from "./command.ts"
import { count, painter, plain, seconds } from "./output.ts"
import { startProgress } from "./progress.ts"
import { report } from "./report.ts"

/** Isolates with traffic ask again within their lease, its jitter and a slow answer; one that is silent longer has none. */
export const LEASE_MS = 2.5 * LIMITS.snapshotLeaseMs
const POLL_MS = 250
const TIMEOUT_MS = 30_000

export type Convergence =
  | { readonly state: "empty" }
  | { readonly state: "done"; readonly isolates: number }
  | { readonly state: "waiting"; readonly isolates: number; readonly behind: number }
  | { readonly state: "refused"; readonly isolate: string; readonly reason: string }

/** How far `revision` has come. Silent isolates do not count. */
export function convergence(isolates: readonly IsolateStatus[], revision: number, nowMs: number): Convergence {
  const live = isolates.filter((isolate) => nowMs - isolate.seenAtMs <= LEASE_MS)
  if (live.length === 0) return { state: "empty" }
  const refusing = live.find(({ serving, refused }) => serving < revision && refused && refused.revision >= revision)
  if (refusing?.refused) return { state: "refused", isolate: refusing.isolate, reason: refusing.refused.reason }
  const behind = live.filter((isolate) => isolate.serving < revision).length
  return behind === 0 ? { state: "done", isolates: live.length } : { state: "waiting", isolates: live.length, behind }
}

export async function awaitConvergence(call: Call, client: Client, revision: number): Promise<ExitCode> {
  const { io } = call
  const startMs = io.nowMs()
  const timeoutMs = call.options.timeout ?? TIMEOUT_MS
  const progress = startProgress(io)
  try {
    for (;;) {
      const status = await client.status()
      if (failed(status)) return report(io, status, "the revision stands")
      const now = convergence(status.isolates, revision, io.nowMs())
      const passedMs = io.nowMs() - startMs
      if (now.state !== "waiting" || passedMs >= timeoutMs) {
        progress.end()
        return conclude(call, now, revision, passedMs)
      }
      progress.say(`${now.behind} of ${count(now.isolates, "isolate")} not yet at revision ${revision}`)
      await io.sleep(POLL_MS)
    }
  } finally {
    progress.end()
  }
}

/** Goes to standard error, so that standard output stays one JSON value with `-o json`. */
function conclude(call: Call, now: Convergence, revision: number, passedMs: number): ExitCode {
  const { io } = call
  const paint = painter(io, io.err)
  switch (now.state) {
    case "empty":
      io.err.write(`no proxy isolate is active; each takes up revision ${revision} with its next request\n`)
      return EXIT.ok
    case "done": {
      const verb = now.isolates === 1 ? "serves" : "serve"
      const who = paint("green", count(now.isolates, "isolate"))
      io.err.write(`${who} ${verb} revision ${revision} after ${seconds(passedMs)}\n`)
      return EXIT.ok
    }
    case "refused": {
      const message = `isolate ${plain(now.isolate)} refuses revision ${revision}: ${plain(now.reason)}`
      return report(io, { exit: EXIT.problems, message, hint: "`weft rollback` goes back; `weft status` shows all" })
    }
    case "waiting": {
      const verb = now.behind === 1 ? "is" : "are"
      const message = `${now.behind} of ${count(now.isolates, "isolate")} ${verb} not at revision ${revision} after ${seconds(passedMs)}`
      return report(io, {
        exit: EXIT.problems,
        message,
        hint: "the revision stands; `weft status` shows who serves what",
      })
    }
  }
}
