/** Judges a case: its status, what reached the upstream, and what is asserted besides. What nobody understands is a fault. */
import { ARGUMENTS } from "#attacks/argued.ts"
import { answerOf } from "#attacks/wire.ts"
import { CANONICAL } from "./canonical.ts"
import type { Evidence, Faults, Meaning } from "./evidence.ts"
import { unjudgedFigures } from "./figures.ts"
import { MESSAGES } from "./messages.ts"
import { PROOF } from "./proof.ts"
import { RECEIVED } from "./received.ts"
import { RECORDS } from "./records.ts"

const ASSERTED: readonly Meaning[] = [...CANONICAL, ...MESSAGES, ...PROOF, ...RECORDS]

export interface Judgement {
  readonly faults: Faults
  /** What of the expectation nobody understands. */
  readonly notUnderstood: readonly string[]
}

export async function judge(evidence: Evidence): Promise<Judgement> {
  const { one } = evidence
  const faults = [...judgeStatus(evidence)]
  const notUnderstood: string[] = []
  // What is argued reaches the upstream, and may.
  for (const part of evidence.stage.argued ? [] : one.expect.upstream.split(BETWEEN_PARTS)) {
    const found = meaningsOf(RECEIVED, one.class, part.trim())
    if (found.length === 0) notUnderstood.push(`upstream: ${part}`)
    for (const { meaning, words } of found) faults.push(...(await meaning.judge(evidence, words)))
  }
  const asserted = meaningsOf(ASSERTED, one.class, one.expect.assert)
  if (asserted.length === 0) notUnderstood.push(`assert: ${one.expect.assert}`)
  for (const { meaning, words } of asserted) faults.push(...(await meaning.judge(evidence, words)))
  // What is argued is not there to be measured.
  if (!evidence.stage.argued)
    notUnderstood.push(
      ...unjudgedFigures(
        one,
        asserted.map(({ text }) => text),
      ),
    )
  return { faults: [...new Set(faults)], notUnderstood }
}

function judgeStatus({ one, results, stage }: Evidence): Faults {
  const statuses = [...new Set(results.map((result) => answerOf(result).status))]
  const allowed: readonly number[] = stage.argued ? [ARGUMENTS[stage.argued].status] : one.expect.status
  return statuses
    .filter((status) => !allowed.includes(status))
    .map((status) => `status ${status} instead of ${allowed.join(" or ")}`)
}

/** A semicolon, but for those of a cookie. */
const BETWEEN_PARTS = /; (?![\w-]+=)/

interface Found {
  readonly meaning: Meaning
  readonly words: readonly string[]
  /** What of the text it is about. */
  readonly text: string
}

function meaningsOf(all: readonly Meaning[], ofClass: string, text: string): Found[] {
  return all.flatMap((meaning) => {
    if (meaning.of && !meaning.of.test(ofClass)) return []
    const words = meaning.says.exec(text)
    return words ? [{ meaning, words: words.slice(1), text: words[0] }] : []
  })
}
