/**
 * `npm run attacks -- FILE... [--only text] [--verbose]`: runs attack cases against a real mesh on this machine, and judges of each the
 * status, what the upstream received, and what else is asserted. The last line is the sum; the exit code is 1 when a case failed
 * or was not understood, 2 when there was nothing to run.
 */
import { readFile } from "node:fs/promises"
import { parseArgs } from "node:util"
import { type AttackCase, KINDS, type Kind, readCases } from "./case.ts"
import { Keys } from "./keys.ts"
import { runAdmin } from "./kinds/admin.ts"
import { runConfig } from "./kinds/config.ts"
import { needsFaultyObject, runWithFaultyObject } from "./kinds/fault.ts"
import { runLoad } from "./kinds/load.ts"
import { Requests } from "./kinds/request.ts"
import { runTerminal } from "./kinds/terminal-cases.ts"
import { failed, type Outcome } from "./outcome.ts"
import { startWorld, type World } from "./world.ts"

const USAGE = "usage: npm run attacks -- FILE... [--only text] [--verbose]\n"

export async function main(args: readonly string[], write: (text: string) => void): Promise<number> {
  const choice = choose(args)
  if (!choice) {
    write(USAGE)
    return 2
  }
  const cases: AttackCase[] = []
  for (const file of choice.files) {
    const read = await readFile(file, "utf8").then((text) => readCases(JSON.parse(text)), String)
    if (typeof read === "string") {
      write(`${file}: ${read}\n`)
      return 2
    }
    cases.push(...read.filter(({ id, class: of, kind }) => `${id} ${of} ${kind}`.includes(choice.only)))
  }
  const outcomes = await runAll(cases, (outcome) => {
    if (choice.verbose || outcome.verdict !== "passed") write(lineOf(outcome))
  })
  write(`\n${tableOf(outcomes)}\n`)
  const bad = outcomes.filter(({ verdict }) => verdict === "failed" || verdict === "not understood").length
  return outcomes.length === 0 ? 2 : bad > 0 ? 1 : 0
}

async function runAll(cases: readonly AttackCase[], tell: (outcome: Outcome) => void): Promise<Outcome[]> {
  if (cases.length === 0) return []
  const world = await startWorld()
  const keys = new Keys()
  const requests = new Requests(world, keys)
  const outcomes: Outcome[] = []
  try {
    for (const one of cases) {
      const outcome = await runOne(one, requests, world, keys).catch((error: Error) => failed(one, [error.message]))
      outcomes.push(outcome)
      tell(outcome)
    }
  } finally {
    await world.stop()
  }
  return outcomes
}

function runOne(one: AttackCase, requests: Requests, world: World, keys: Keys): Promise<Outcome> {
  if (one.kind === "request") return requests.run(one)
  requests.forget()
  if (one.kind === "cli") return runTerminal(one)
  if (one.kind === "config") return runConfig(one, world)
  if (one.kind === "admin") return runAdmin(one, world)
  if (needsFaultyObject(one)) return runWithFaultyObject(one)
  // What else fails is an upstream of sorts, and is judged by what becomes of a request.
  return one.kind === "fault" ? requests.run(one) : runLoad(one, world, keys)
}

function lineOf({ one, verdict, reasons }: Outcome): string {
  const head = `${verdict.padEnd(14)} ${one.id} ${one.class}`
  return `${head}\n${reasons.map((reason) => `                 ${reason}\n`).join("")}`
}

/** A row for each kind, and the sum as the last line. */
function tableOf(outcomes: readonly Outcome[]): string {
  const row = (kind: Kind | "all") => {
    const of = outcomes.filter(({ one }) => kind === "all" || one.kind === kind)
    const count = (verdict: Outcome["verdict"]) => of.filter((outcome) => outcome.verdict === verdict).length
    const unknown = count("not understood")
    const counts = `${count("passed")} passed, ${count("argued")} argued, ${count("failed")} failed, ${unknown} not understood`
    return of.length === 0 ? [] : [kind === "all" ? counts : `${kind.padEnd(8)} ${counts}`]
  }
  return [...KINDS, "all" as const].flatMap(row).join("\n") || "0 cases"
}

function choose(args: readonly string[]) {
  try {
    const options = { only: { type: "string", default: "" }, verbose: { type: "boolean", default: false } } as const
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options })
    return positionals.length === 0 ? undefined : { files: positionals, ...values }
  } catch {
    return undefined
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2), (text) => void process.stdout.write(text))
