/** Failures and problems as people read them, on standard error: like a compiler's, all of them, and what to do. */
import type { Finding, Problem } from "#shared/model/problem.ts"
import { EXIT, type ExitCode, type Failure } from "./command.ts"
import type { Io } from "./io.ts"
import { count, type Paint, painter, plain } from "./output.ts"

/** Prints why a command failed; returns its exit code. `outcome` ends the list of problems: `nothing was applied`. */
export function report(io: Io, failure: Failure, outcome = "nothing was changed"): ExitCode {
  const paint = painter(io, io.err)
  if (failure.problems && failure.problems.length > 0) {
    if (failure.exit === EXIT.forbidden) io.err.write(`${paint("red", "error")}: ${lines(failure.message)}\n`)
    reportProblems(io, failure.problems, outcome)
    return failure.exit
  }
  io.err.write(`${paint("red", "error")}: ${lines(failure.message)}\n`)
  if (failure.hint) io.err.write(`  ${paint("cyan", lines(failure.hint))}\n`)
  return failure.exit
}

/** Messages are the CLI's own, of several lines at times; what others said stands in them as one. */
function lines(text: string): string {
  return text.split("\n").map(plain).join("\n")
}

export function reportProblems(io: Io, problems: readonly Problem[], outcome: string | undefined): ExitCode {
  io.err.write(problemLines(problems, painter(io, io.err)))
  const end = outcome === undefined ? "" : `; ${outcome}`
  io.err.write(`${count(problems.length, "problem")}${end}\n`)
  return EXIT.problems
}

/** `mesh.yaml:12:9  routes.shop.rules[3].match.path  "cart" must begin with "/"`, and the hint below it. */
export function problemLines(problems: readonly Problem[], paint: Paint): string {
  return problems.map((problem) => problemLine(problem, paint)).join("")
}

const SHADE = { warning: "yellow", info: "dim" } as const

/** `mesh.yaml:12:9  warning  routes.shop.rules[3]  No request comes to this rule: …`, and what to do below it. */
export function findingLines(findings: readonly Finding[], paint: Paint): string {
  return findings
    .map((finding) => problemLine(finding, paint, paint(SHADE[finding.severity], finding.severity)))
    .join("")
}

function problemLine(problem: Problem, paint: Paint, label = ""): string {
  const parts = [
    problem.source ? paint("bold", placeOf(problem.source)) : "",
    label,
    paint("yellow", plain(problem.path)),
    plain(problem.message),
  ].filter((part) => part !== "")
  const hint = problem.hint ? `    ${paint("cyan", plain(problem.hint))}\n` : ""
  return `${parts.join("  ")}\n${hint}`
}

function placeOf(source: NonNullable<Problem["source"]>): string {
  const file = source.file === "-" ? "<stdin>" : plain(source.file)
  return source.line === undefined ? file : `${file}:${source.line}:${source.column ?? 1}`
}
