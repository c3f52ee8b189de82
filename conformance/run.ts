/**
 * `npm run conformance -- FILE... [--only name] [--verbose]`: runs case files against a real mesh on this machine. The last
 * line is the sum; the exit code is 1 when a case failed, 2 when there was nothing to run.
 */
import { readFile } from "node:fs/promises"
import { parseArgs } from "node:util"
import { startBench } from "./bench.ts"
import { runTest, type TestResult } from "./engine.ts"
import type { Form, FormTest } from "./form.ts"
import { grpcRouteForm } from "./gateway-api-grpcroute.ts"
import { httpRouteForm } from "./gateway-api-httproute.ts"
import { meshForm } from "./gateway-api-mesh.ts"
import { sumLine, sumOf, testLines } from "./table.ts"

/** Every form of case files that can be run. The first one that takes a file reads it. */
const FORMS: readonly Form[] = [meshForm, grpcRouteForm, httpRouteForm]

const USAGE = "usage: npm run conformance -- FILE... [--only name] [--verbose]\n"

interface Choice {
  readonly files: readonly string[]
  /** Only tests whose name contains this. */
  readonly only: string | undefined
  readonly verbose: boolean
}

export async function main(args: readonly string[], write: (text: string) => void): Promise<number> {
  const choice = choose(args)
  if (!choice) {
    write(USAGE)
    return 2
  }
  const { tests, problems } = await readFiles(choice)
  for (const problem of problems) write(`${problem}\n`)
  if (tests.length === 0) {
    write(`${sumLine(sumOf([]))}\n`)
    return problems.length > 0 ? 2 : 0
  }
  const results = await runAll(tests, choice.verbose, write).catch((error: Error) => error)
  if (results instanceof Error) {
    write(`the mesh could not be run: ${results.message}\n`)
    return 2
  }
  const sum = sumOf(results)
  write(`\n${sumLine(sum)}\n`)
  return sum.failed > 0 || problems.length > 0 ? 1 : 0
}

async function runAll(
  tests: readonly FormTest[],
  verbose: boolean,
  write: (text: string) => void,
): Promise<TestResult[]> {
  const bench = await startBench(tests)
  const nameChars = Math.max(...tests.map(({ name }) => name.length))
  const results: TestResult[] = []
  try {
    for (const test of tests) {
      const result = await runTest(test, bench)
      results.push(result)
      write(testLines(result, nameChars, verbose))
    }
  } finally {
    await bench.stop()
  }
  return results
}

async function readFiles({ files, only }: Choice): Promise<{ tests: FormTest[]; problems: string[] }> {
  const tests: FormTest[] = []
  const problems: string[] = []
  for (const file of files) {
    const content = await readJson(file)
    const form = content instanceof Error ? undefined : FORMS.find((one) => one.takes(file, content))
    if (content instanceof Error) problems.push(`${file}: ${content.message}`)
    else if (!form) problems.push(`${file}: no form of case files that can be run`)
    else tests.push(...form.read(content).filter(({ name }) => only === undefined || name.includes(only)))
  }
  return { tests, problems }
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8"))
  } catch (error) {
    return error as Error
  }
}

function choose(args: readonly string[]): Choice | undefined {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { only: { type: "string" }, verbose: { type: "boolean" } },
    })
    if (positionals.length === 0) return undefined
    return { files: positionals, only: values.only, verbose: values.verbose ?? false }
  } catch {
    return undefined
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2), (text) => void process.stdout.write(text))
