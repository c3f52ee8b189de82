/** `weft doctor`: asks a running edge what arrives of requests, and says whether what the mesh's rules assume holds there. */
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, type Failure, failed } from "#cli/command.ts"
import { connect } from "#cli/connection.ts"
import { type Answer, ask } from "#cli/doctor/ask.ts"
import type { Finding, Level } from "#cli/doctor/finding.ts"
import { plainFinding, proxyFindings } from "#cli/doctor/proxy.ts"
import { requestExaminations } from "#cli/doctor/requests.ts"
import type { Io } from "#cli/io.ts"
import { type Paint, painter, plain, print, type Style, table } from "#cli/output.ts"
import { report } from "#cli/report.ts"

const LOCAL_EDGE = "http://localhost:8787"
/** Isolates hear of a new key with their next question, a few seconds later. */
const TRIES = 8
const TRY_EVERY_MS = 1_000

export async function run(call: Call): Promise<ExitCode> {
  const { io } = call
  const edge = edgeOf(call)
  if (failed(edge)) return report(io, edge)
  const granted = await clientFor(call).probeTicket()
  if (failed(granted)) return report(io, granted)
  const findings = await examine(io, edge, granted.ticket)
  if (failed(findings)) return report(io, findings)
  const paint = painter(io, io.out)
  await print(io, call.format, { edge: edge.origin, findings }, () => textOf(findings, paint))
  return findings.some(({ level }) => level === "failure") ? EXIT.problems : EXIT.ok
}

/** For a control on this machine, the proxy that a local start puts beside it. */
function edgeOf({ io, args, options }: Call): URL | Failure {
  const [given] = args
  const connection = connect(io, options)
  if (failed(connection)) return connection
  const isLocal = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:|\/|$)/.test(connection.url)
  if (given === undefined && !isLocal) {
    const hint = "weft doctor https://shop.example.com"
    return { exit: EXIT.usage, message: "say where the public reaches the mesh", hint }
  }
  const url = URL.parse(given ?? LOCAL_EDGE)
  if (!url || !/^https?:$/.test(url.protocol)) {
    return { exit: EXIT.usage, message: `"${given}" is not an http or https URL` }
  }
  return url
}

async function examine(io: Io, edge: URL, ticket: string): Promise<Finding[] | Failure> {
  const first = await hello(io, edge, ticket)
  if (failed(first)) return first
  const findings = proxyFindings(first.report, first.roundTripMs, io.nowMs())
  if (edge.protocol === "https:" && edge.port === "") {
    const unsafe = new URL(edge)
    unsafe.protocol = "http:"
    findings.push(plainFinding(await ask(unsafe, ticket, {})))
  }
  for (const { probe, judge } of requestExaminations(edge)) {
    findings.push(...[judge(await ask(edge, ticket, probe))].flat())
  }
  return findings
}

type Reported = Required<Extract<Answer, { readonly status: number }>>

async function hello(io: Io, edge: URL, ticket: string): Promise<Reported | Failure> {
  let answer: Answer = { error: "" }
  for (let tries = 0; tries < TRIES; tries++) {
    if (tries > 0) await io.sleep(TRY_EVERY_MS)
    answer = await ask(edge, ticket, { asksObjects: true })
    if ("report" in answer && answer.report) return answer as Reported
  }
  if ("error" in answer) return { exit: EXIT.unreachable, message: `${edge.origin} does not answer: ${answer.error}` }
  return {
    exit: EXIT.problems,
    message: `${edge.origin} answers ${answer.status}, but not as a proxy of this mesh`,
    hint: "is it this control's mesh, and is the proxy of the same version?",
  }
}

const STYLES: Readonly<Record<Level, Style>> = { ok: "green", note: "cyan", warning: "yellow", failure: "red" }

function textOf(findings: readonly Finding[], paint: Paint): string {
  const rows = findings.map(({ level, of, found }) => [paint(STYLES[level], level), plain(of), plain(found)])
  const hints = findings.flatMap(({ of, hint }) => (hint === undefined ? [] : [`${plain(of)}: ${hint}\n`]))
  const count = (level: Level) => findings.filter((one) => one.level === level).length
  const sum = `ok: ${count("ok")}, notes: ${count("note")}, warnings: ${count("warning")}, failures: ${count("failure")}\n`
  return [table(["", "WHAT", "FOUND"], rows), ...(hints.length > 0 ? ["\n", ...hints] : []), "\n", sum].join("")
}
