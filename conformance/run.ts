/**
 * `npm run conformance -- FILE... [--only name] [--verbose]`: runs case files against a real mesh on this machine. The last
 * line is the sum; the exit code is 1 when a case failed, 2 when there was nothing to run.
 */
import { readFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { parseArgs } from "node:util"
import type { CoreForm } from "./core-form.ts"
import { runTest, type TestResult } from "./engine.ts"
import { outlierForm } from "./envoy-outlier.ts"
import { retryForm } from "./envoy-retry.ts"
import { routerCheckForm } from "./envoy-router-check.ts"
import { weightedForm } from "./envoy-weighted.ts"
import type { Form, FormTest } from "./form.ts"
import { grpcRouteForm } from "./gateway-api-grpcroute.ts"
import { httpRouteForm } from "./gateway-api-httproute.ts"
import { meshForm } from "./gateway-api-mesh.ts"
import { istioAuthzForm } from "./istio-authz.ts"
import { istioPathsForm } from "./istio-paths.ts"
import { istioTrafficForm } from "./istio-traffic.ts"
import { linkerdRouteForm } from "./linkerd-route.ts"
import { springForm } from "./spring-cloud-gateway.ts"
import { sumLine, sumOf, testLines } from "./table.ts"
import { traceContextForm } from "./w3c-trace-context.ts"

/** Every form of case files that can be run. The first one that takes a file reads it. */
const FORMS: readonly Form[] = [
  istioAuthzForm,
  istioTrafficForm,
  istioPathsForm,
  traceContextForm,
  meshForm,
  grpcRouteForm,
  httpRouteForm,
]
/** Forms that need no mesh. */
const CORE_FORMS: readonly CoreForm[] = [
  outlierForm,
  weightedForm,
  retryForm,
  routerCheckForm,
  linkerdRouteForm,
  springForm,
]

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
  const { tests, ofCore, problems } = await readFiles(choice)
  for (const problem of problems) write(`${problem}\n`)
  if (tests.length + ofCore.length === 0) {
    write(`${sumLine(sumOf([]))}\n`)
    return problems.length > 0 ? 2 : 0
  }
  const nameChars = Math.max(...[...tests, ...ofCore].map(({ name }) => name.length))
  for (const result of ofCore) write(testLines(result, nameChars, choice.verbose))
  const results = await runAll(tests, nameChars, choice.verbose, write).catch((error: Error) => error)
  if (results instanceof Error) {
    write(`the mesh could not be run: ${results.message}\n`)
    return 2
  }
  const sum = sumOf([...ofCore, ...results])
  write(`\n${sumLine(sum)}\n`)
  return sum.failed > 0 || problems.length > 0 ? 1 : 0
}

async function runAll(
  tests: readonly FormTest[],
  nameChars: number,
  verbose: boolean,
  write: (text: string) => void,
): Promise<TestResult[]> {
  if (tests.length === 0) return []
  // Cases of the core need no mesh, and need not wait for all that one is made of.
  const { startBench } = await import("./bench.ts")
  const bench = await startBench(tests)
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

interface FileTests {
  readonly tests: FormTest[]
  /** Tests of the core have been run when they are read. */
  readonly ofCore: TestResult[]
  readonly problems: string[]
}

async function readFiles({ files, only }: Choice): Promise<FileTests> {
  const read: FileTests = { tests: [], ofCore: [], problems: [] }
  const isAsked = ({ name }: { readonly name: string }) => only === undefined || name.includes(only)
  for (const file of files) {
    const content = await readJson(file)
    if (content instanceof Error) {
      read.problems.push(`${file}: ${content.message}`)
      continue
    }
    const coreForm = CORE_FORMS.find((one) => one.takes(file, content))
    const form = coreForm ? undefined : FORMS.find((one) => one.takes(file, content))
    if (form) read.tests.push(...(await form.read(content, (name) => readBeside(file, name))).filter(isAsked))
    else if (coreForm) read.ofCore.push(...coreForm.run(content).filter(isAsked))
    else read.problems.push(`${file}: no form of case files that can be run`)
  }
  return read
}

async function readBeside(file: string, name: string): Promise<unknown> {
  const content = await readJson(join(dirname(file), name))
  return content instanceof Error ? undefined : content
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
