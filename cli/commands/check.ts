/** `weft check`: with documents, all that is wrong in them, offline; without, all that is wrong with the running mesh. */
import { noteLines } from "#cli/changes.ts"
import { checkup } from "#cli/checkup.ts"
import type { Check } from "#cli/checkup-kit.ts"
import { checkLines } from "#cli/checkup-text.ts"
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, type Failure, failed } from "#cli/command.ts"
import { loadDocuments } from "#cli/documents.ts"
import { count, painter, print } from "#cli/output.ts"
import { checkWiring } from "#cli/past-mesh.ts"
import { findingLines, problemLines, report } from "#cli/report.ts"
import { readConfig } from "#cli/wrangler-config.ts"
import type { Note } from "#shared/model/document.ts"
import type { Finding, Problem } from "#shared/model/problem.ts"
import type { ResourceList, Status } from "#shared/protocol/control-api.ts"
import { VERSION } from "#shared/std/version.ts"

interface Checked {
  readonly problems: readonly Problem[]
  readonly findings: readonly Finding[]
  /** What of Kubernetes' objects does not take effect. */
  readonly notes: readonly Note[]
  /** Of a running mesh; its problems are among `problems` too. */
  readonly checks?: readonly Check[]
  /** What was looked at, for when nothing is wrong. */
  readonly about: string
}

const PROXY = "to know what calls past the mesh, it takes the proxy's wrangler config: --config <file>"
const SERVICES = "--services takes the folders of your Workers, each with a wrangler config, or such configs"

export async function run(call: Call): Promise<ExitCode> {
  const { file, services, config } = call.options
  const alone = file && services ? "--services" : config !== undefined && !services ? "--config" : undefined
  if (alone !== undefined) {
    const message = `${alone} is of no use ${alone === "--config" ? "without --services" : "with --file"}`
    return report(call.io, {
      exit: EXIT.usage,
      message,
      hint: "weft check --services services/* --config wrangler.toml",
    })
  }
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

/** Everything is asked at once. The head is what control says; what is to be said of it is worked out here. */
async function checkLive(call: Call): Promise<Checked | Failure> {
  const client = clientFor(call)
  const { io } = call
  const startMs = io.nowMs()
  const asked = Promise.all([client.resources({}), client.vitals(), client.alerts(), checkServices(call)])
  const status = await client.status()
  const tookMs = io.nowMs() - startMs
  const [head, vitals, alerts, wiring] = await asked
  if (failed(status)) return status
  if (failed(head)) return head
  if (failed(wiring)) return wiring
  const checks = [
    ...checkup({
      ...{ status, version: VERSION, nowMs: io.nowMs(), tookMs },
      // An older control knows of neither, and a token of some namespaces may not ask for the first.
      vitals: failed(vitals) ? undefined : vitals,
      alerts: failed(alerts) ? undefined : alerts,
    }),
    ...wiring,
  ]
  const findings = await findingsOf(head, status)
  const notes = (head.notes ?? []).filter(({ outcome }) => outcome === "invalid" || outcome === "unsupported")
  return { problems: checks.flatMap(problemOf), findings, notes, checks, about: aliveText(status) }
}

/** Only where services' configs are named: control knows what the proxy binds, and nothing of what others do. */
async function checkServices({ io, options }: Call): Promise<Check[] | Failure> {
  const { services, config = "." } = options
  if (!services) return []
  const [proxy, ...read] = await Promise.all([
    readConfig(io.cwd, config, PROXY),
    ...services.map((path) => readConfig(io.cwd, path, SERVICES)),
  ])
  const failure = [proxy!, ...read].find((one): one is Failure => failed(one))
  if (failure) return failure
  return checkWiring(
    proxy as Exclude<typeof proxy, Failure | undefined>,
    read as Exclude<(typeof read)[number], Failure>[],
  )
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

function problemOf({ state, section, path, rule, message, hint }: Check): Problem[] {
  return state === "problem" ? [{ path: path ?? section, rule, message, ...(hint !== undefined && { hint }) }] : []
}

/** Findings and warnings are advice: only problems make the check fail. */
async function conclude(call: Call, { problems, findings, notes, checks, about }: Checked): Promise<ExitCode> {
  const { io } = call
  const paint = painter(io, io.out)
  await print(io, call.format, { problems, findings, notes, ...(checks && { checks }) }, () => {
    const first = checks ? checkLines(checks, paint) : problemLines(problems, paint)
    const lines = first + noteLines(notes, paint) + findingLines(findings, paint)
    const warnings = (checks ?? []).filter(({ state }) => state === "warning").length
    const advice = [
      ...(warnings === 0 ? [] : [count(warnings, "warning")]),
      ...(findings.length === 0 ? [] : [count(findings.length, "finding")]),
    ]
    const rest = advice.map((part) => `, ${part}`).join("")
    if (problems.length > 0) return `${lines}${count(problems.length, "problem")}${rest}\n`
    return `${lines}${paint("green", "no problems")}${about ? ` in ${about}` : ""}${rest}\n`
  })
  return problems.length === 0 ? EXIT.ok : EXIT.problems
}

function aliveText(status: Status): string {
  const parts = [count(status.services, "service"), count(status.routes, "route")]
  return `${parts.join(", ")}; ${status.isolates.length === 0 ? "no proxy isolate is active to say more" : count(status.isolates.length, "isolate")}`
}
