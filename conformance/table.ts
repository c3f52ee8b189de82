/** Results as people read them: a line a test, what failed and what was skipped below it, and the sum at the end. */
import type { CaseResult, TestResult } from "./engine.ts"

export interface Sum {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

export function sumOf(tests: readonly TestResult[]): Sum {
  const cases = tests.flatMap((test) => test.cases)
  const of = (outcome: CaseResult["outcome"]) => cases.filter((one) => one.outcome === outcome).length
  return { passed: of("passed"), failed: of("failed"), skipped: of("skipped") }
}

export function sumLine({ passed, failed, skipped }: Sum): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}

/** `PASS  HTTPRouteMatching  9 passed  120 ms`; with `verbose` also the cases that passed. */
export function testLines(test: TestResult, nameChars: number, verbose: boolean): string {
  const sum = sumOf([test])
  const word = sum.failed > 0 ? "FAIL" : sum.passed > 0 ? "PASS" : "SKIP"
  const parts = (["passed", "failed", "skipped"] as const)
    .filter((key) => sum[key] > 0)
    .map((key) => `${sum[key]} ${key}`)
  const line = `${word}  ${test.name.padEnd(nameChars)}  ${parts.join(", ").padEnd(30)} ${Math.round(test.tookMs)} ms`
  const details = test.cases.flatMap(({ name, outcome, reasons }) => {
    if (outcome === "passed") return verbose ? [`        passed   ${name}`] : []
    return [`        ${outcome.padEnd(8)} ${name}`, ...reasons.map((reason) => `                 ${reason}`)]
  })
  return [line, ...details].map((one) => `${one.trimEnd()}\n`).join("")
}
