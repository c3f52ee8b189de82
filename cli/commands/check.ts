/** `weft check`: with documents, all that is wrong in them, offline; without, what is wrong with the running mesh. */
import { noteLines } from "#cli/changes.ts"
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, type Failure, failed } from "#cli/command.ts"
import { loadDocuments } from "#cli/documents.ts"
import { count, painter, print } from "#cli/output.ts"
import { findingLines, problemLines, report } from "#cli/report.ts"
import type { Note } from "#shared/model/document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { Finding, Problem } from "#shared/model/problem.ts"
import type { ResourceList, Status } from "#shared/protocol/control-api.ts"

/** An isolate with traffic takes up a change within this time; one that is silent for longer has none. */
const LEASE_MS = LIMITS.snapshotSleepLeases * LIMITS.snapshotLeaseMs

interface Checked {
  readonly problems: readonly Problem[]
  readonly findings: readonly Finding[]
  /** What of Kubernetes' objects does not take effect. */
  readonly notes: readonly Note[]
  /** What was looked at, for when nothing is wrong. */
  readonly about: string
}

export async function run(call: Call): Promise<ExitCode> {
  const checked = call.options.file ? await checkDocuments(call, call.options.file) : await checkLive(call)
  return failed(checked) ? report(call.io, checked) : conclude(call, checked)
}

/** As if the documents were the whole mesh. Files that cannot be read do not hide what is wrong in the others. */
async function checkDocuments(call: Call, files: readonly string[]): Promise<Checked> {
  const loaded = await loadDocuments(call.io, files)
  const [{ compile }, { lint }] = await compiler()
  const result = compile([], { documents: loaded.documents, prune: true, revision: 1 })
  if ("problems" in result) {
    return { problems: [...loaded.problems, ...loaded.place(result.problems)], findings: [], notes: [], about: "" }
  }
  const about = count(result.resources.length, "resource")
  return { problems: loaded.problems, findings: loaded.place(lint(result)), notes: result.notes, about }
}

/** The head is what control says; what is to be said of it is worked out here. */
async function checkLive(call: Call): Promise<Checked | Failure> {
  const client = clientFor(call)
  const [status, head] = await Promise.all([client.status(), client.resources({})])
  if (failed(status)) return status
  if (failed(head)) return head
  const findings = await findingsOf(head, status)
  const notes = (head.notes ?? []).filter(({ outcome }) => outcome === "invalid" || outcome === "unsupported")
  return { problems: checkMesh(status, call.io.nowMs()), findings, notes, about: aliveText(status) }
}

/** A newer control may hold documents that this version cannot read: then it has nothing to say of them. */
async function findingsOf({ resources, revision }: ResourceList, { unbound }: Status): Promise<Finding[]> {
  const [{ compile }, { lint }] = await compiler()
  try {
    const result = compile(resources, { documents: [], prune: false, revision })
    return "problems" in result ? [] : lint({ ...result, unbound })
  } catch {
    return []
  }
}

/** Loaded only when it is needed. */
function compiler() {
  return Promise.all([import("#shared/config/compile.ts"), import("#shared/config/lint.ts")])
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

/** Findings are advice: only problems make the check fail. */
async function conclude(call: Call, { problems, findings, notes, about }: Checked): Promise<ExitCode> {
  const { io } = call
  const paint = painter(io, io.out)
  await print(io, call.format, { problems, findings, notes }, () => {
    const lines = problemLines(problems, paint) + noteLines(notes, paint) + findingLines(findings, paint)
    const advice = findings.length === 0 ? "" : `, ${count(findings.length, "finding")}`
    if (problems.length > 0) return `${lines}${count(problems.length, "problem")}${advice}\n`
    return `${lines}${paint("green", "no problems")}${about ? ` in ${about}` : ""}${advice}\n`
  })
  return problems.length === 0 ? EXIT.ok : EXIT.problems
}

function aliveText(status: Status): string {
  const parts = [count(status.services, "service"), count(status.routes, "route")]
  return `${parts.join(", ")}; ${status.isolates.length === 0 ? "no proxy isolate is active to say more" : count(status.isolates.length, "isolate")}`
}
