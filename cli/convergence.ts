/** Waiting until a revision is served everywhere: a fact that relays and isolates report, not a guess. */
import type { RegionConvergence, RevisionConvergence } from "#shared/protocol/convergence.ts"
import type { Client } from "./client.ts"
import { type Call, EXIT, type ExitCode, failed } from "./command.ts"
import { count, painter, plain, seconds } from "./output.ts"
import { startProgress } from "./progress.ts"
import { report } from "./report.ts"

const POLL_MS = 250
const TIMEOUT_MS = 30_000

export async function awaitConvergence(call: Call, client: Client, revision: number): Promise<ExitCode> {
  const { io } = call
  const startMs = io.nowMs()
  const timeoutMs = call.options.timeout ?? TIMEOUT_MS
  const progress = startProgress(io)
  try {
    for (;;) {
      const now = await client.convergence(revision)
      if (failed(now)) return report(io, now, "the revision stands")
      if (now.state !== "waiting" || io.nowMs() - startMs >= timeoutMs) {
        progress.end()
        return conclude(call, now, io.nowMs() - startMs)
      }
      progress.say(waitingText(now))
      await io.sleep(POLL_MS)
    }
  } finally {
    progress.end()
  }
}

/** Goes to standard error, so that standard output stays one JSON value with `-o json`. */
function conclude(call: Call, now: RevisionConvergence, passedMs: number): ExitCode {
  const { io } = call
  const paint = painter(io, io.err)
  const { revision, isolates } = now
  switch (now.state) {
    case "done": {
      if (isolates === 0) {
        io.err.write(`no proxy isolate is active; each takes up revision ${revision} with its next request\n`)
        return EXIT.ok
      }
      const who = paint("green", count(isolates, "isolate"))
      const verb = isolates === 1 ? "serves" : "serve"
      io.err.write(`${who} ${verb} revision ${revision}${tookText(now)}\n`)
      return EXIT.ok
    }
    case "refused": {
      const [first] = now.refusing
      const message = `isolate ${plain(first?.isolate ?? "")} refuses revision ${revision}: ${plain(first?.reason ?? "")}`
      return report(io, { exit: EXIT.problems, message, hint: "`weft rollback` goes back; `weft status` shows all" })
    }
    case "waiting": {
      const message = `${waitingText(now)}, after ${seconds(passedMs)}`
      const hint = "the revision stands; `weft status` shows who serves what"
      return report(io, { exit: EXIT.problems, message, hint })
    }
  }
}

/** From the commit until it was served everywhere, and where it took longest when there is more than one region. */
function tookText({ committedAtMs, doneAtMs, regions }: RevisionConvergence): string {
  if (doneAtMs === undefined) return ""
  const busy = regions.filter((region) => region.isolates > 0)
  const last = busy.find((region) => region.doneAtMs === doneAtMs)
  const where = busy.length > 1 && last ? `, in ${plain(last.region)} last` : ""
  return ` after ${seconds(Math.max(0, doneAtMs - committedAtMs))}${where}`
}

/** What is still waited for: the first that is of them all. */
function waitingText({ revision, isolates, serving, regions }: RevisionConvergence): string {
  const of = (pick: (region: RegionConvergence) => number) => regions.filter((region) => pick(region) > 0)
  const names = (some: readonly RegionConvergence[]) => some.map(({ region }) => plain(region)).join(", ")
  const missing = of(({ relays, acknowledged }) => relays - acknowledged)
  const silent = of((region) => region.silent)
  if (serving < isolates)
    return `${isolates - serving} of ${count(isolates, "isolate")} not yet at revision ${revision}`
  if (silent.length > 0) return `the relay of ${names(silent)} does not answer`
  if (missing.length > 0) return `the relay of ${names(missing)} does not have revision ${revision} yet`
  return `the relay of ${names(of(({ unsure }) => unsure))} was started just now, and may not have heard of all isolates yet`
}
