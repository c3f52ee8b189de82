/** What became of a case. */
import { ARGUMENTS, type ArgumentName } from "./argued.ts"
import type { AttackCase } from "./case.ts"

export interface Outcome {
  readonly one: AttackCase
  /** `argued`: it cannot end as its file wants, and what can be checked of it is as it should be. */
  readonly verdict: "passed" | "failed" | "argued" | "not understood"
  readonly reasons: readonly string[]
}

export function passed(one: AttackCase, argued?: ArgumentName): Outcome {
  return argued ? { one, verdict: "argued", reasons: [ARGUMENTS[argued].why] } : { one, verdict: "passed", reasons: [] }
}

export function failed(one: AttackCase, reasons: readonly string[]): Outcome {
  return { one, verdict: "failed", reasons }
}

export function notUnderstood(one: AttackCase, reasons: readonly string[]): Outcome {
  return { one, verdict: "not understood", reasons }
}
