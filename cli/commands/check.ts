/** `weft check`: with documents, all that is wrong in them, offline; without, what is wrong with the running mesh. */
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import { LEASE_MS } from "#cli/convergence.ts"
import { loadDocuments } from "#cli/documents.ts"
import { count, painter, print } from "#cli/output.ts"
import { problemLines, report } from "#cli/report.ts"
import type { Problem } from "#shared/model/problem.ts"
import type { Status } from "#shared/protocol/control-api.ts"

export async function run(call: Call): Promise<ExitCode> {
  if (call.options.file) {
    const { problems, about } = await checkDocuments(call, call.options.file)
    return conclude(call, problems, about)
  }
  const status = await clientFor(call).status()
  if (failed(status)) return report(call.io, status)
  return conclude(call, checkMesh(status, call.io.nowMs()), aliveText(status))
}

/** As if the documents were the whole mesh. Files that cannot be read do not hide what is wrong in the others. */
async function checkDocuments(call: Call, files: readonly string[]): Promise<{ problems: Problem[]; about: string }> {
  const loaded = await loadDocuments(call.io, files)
  const { compile } = await import("#shared/config/compile.ts")
  const result = compile([], { documents: loaded.documents, prune: true, revision: 1 })
  const found = "problems" in result ? result.problems : []
  const about = "problems" in result ? "" : count(result.resources.length, "resource")
  return { problems: [...loaded.problems, ...loaded.place(found)], about }
}

/** What keeps the mesh from doing what its head says. */
export function checkMesh(status: Status, nowMs: number): Problem[] {
  const unbound = status.unbound.map(({ service, binding }): Problem => {
    const hint = `weft service add ${service.replace(/^default\//, "")} --worker <worker>, then weft deploy`
    return { path: `services.${service}`, rule: "unbound", message: `no proxy has the binding ${binding}`, hint }
  })
  const { head } = status
  // A revision of a moment ago is still on its way, and an idle isolate catches up with its next request.
  const settled = head !== undefined && nowMs - head.atMs > LEASE_MS
  const isolates = status.isolates.flatMap((isolate): Problem[] => {
    const path = `isolates.${isolate.isolate}`
    if (head === undefined || isolate.serving >= head.revision) return []
    if (isolate.refused && isolate.refused.revision >= head.revision)
      return [
        { path, rule: "refused", message: `refuses revision ${isolate.refused.revision}: ${isolate.refused.reason}` },
      ]
    if (!settled || nowMs - isolate.seenAtMs > LEASE_MS) return []
    return [{ path, rule: "behind", message: `serves revision ${isolate.serving}; head is ${head.revision}` }]
  })
  return [...unbound, ...isolates]
}

async function conclude(call: Call, problems: readonly Problem[], about: string): Promise<ExitCode> {
  const { io } = call
  await print(io, call.format, { problems }, () => {
    if (problems.length === 0) return `${painter(io, io.out)("green", "no problems")}${about ? ` in ${about}` : ""}\n`
    return `${problemLines(problems, painter(io, io.out))}${count(problems.length, "problem")}\n`
  })
  return problems.length === 0 ? EXIT.ok : EXIT.problems
}

function aliveText(status: Status): string {
  const parts = [count(status.services, "service"), count(status.routes, "route")]
  return `${parts.join(", ")}; ${status.isolates.length === 0 ? "no proxy isolate is active to say more" : count(status.isolates.length, "isolate")}`
}
