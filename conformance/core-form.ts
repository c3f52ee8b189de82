/** Forms of cases about a machine of the core, such as outlier detection: they drive it directly, and no mesh is needed. */
import type { CaseResult, TestResult } from "./engine.ts"

export interface CoreForm {
  readonly name: string
  takes(file: string, content: unknown): boolean
  run(content: unknown): TestResult[]
}

/** One test with one case: what is wrong, one sentence a fault, or why it cannot be run. */
export function judged(name: string, run: () => readonly string[], skip?: string): TestResult {
  const startedAtMs = performance.now()
  const reasons = skip === undefined ? faultsOf(run) : [skip]
  const outcome: CaseResult["outcome"] = skip === undefined ? (reasons.length > 0 ? "failed" : "passed") : "skipped"
  return { name, cases: [{ name, outcome, reasons }], tookMs: performance.now() - startedAtMs }
}

function faultsOf(run: () => readonly string[]): readonly string[] {
  try {
    return run()
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)]
  }
}
