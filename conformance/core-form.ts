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

/** What came of a case that is judged after it ran. */
export interface Verdict {
  readonly faults: readonly string[]
  /** Why what came of it says nothing: the case is skipped, whatever the faults. */
  readonly doubts?: readonly string[]
}

export function judgedCase(name: string, run: () => Verdict): CaseResult {
  try {
    const { faults, doubts = [] } = run()
    if (doubts.length > 0) return { name, outcome: "skipped", reasons: [...new Set(doubts)] }
    return { name, outcome: faults.length > 0 ? "failed" : "passed", reasons: faults }
  } catch (error) {
    return { name, outcome: "failed", reasons: [error instanceof Error ? error.message : String(error)] }
  }
}

/** A test of several cases. */
export function testOf(name: string, run: () => readonly CaseResult[]): TestResult {
  const startedAtMs = performance.now()
  return { name, cases: run(), tookMs: performance.now() - startedAtMs }
}

function faultsOf(run: () => readonly string[]): readonly string[] {
  try {
    return run()
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)]
  }
}
