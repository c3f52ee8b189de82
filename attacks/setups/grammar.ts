/**
 * Setups are prose. They are read phrase by phrase: every phrase that some case file may use stands in a table with what it means,
 * and a setup of which anything is left over is not understood. Nothing is guessed.
 */
import { addRules, emptyStage, forwarding, type Stage } from "#attacks/stage.ts"

export interface Phrase {
  /** Read at the beginning of what is left of the setup, in any case. */
  readonly says: RegExp
  readonly means: (stage: Stage, words: readonly string[]) => void
}

export function phrase(says: RegExp, means: Phrase["means"]): Phrase {
  return { says: new RegExp(`^(?:${says.source})`, "i"), means }
}

/** The stage, or the part of the setup that no phrase reads. */
export function readSetup(setup: string, phrases: readonly Phrase[]): Stage | { readonly notUnderstood: string } {
  const stage = emptyStage()
  for (let rest = clean(setup); rest !== ""; ) {
    const found = firstOf(phrases, rest)
    if (!found) return { notUnderstood: rest }
    found.phrase.means(
      stage,
      found.words.slice(1).map((word) => word ?? ""),
    )
    rest = clean(rest.slice(found.words[0].length))
  }
  if (Object.keys(stage.routes).length === 0) addRules(stage, "app.test", forwarding("/"))
  return stage
}

function firstOf(phrases: readonly Phrase[], rest: string): { phrase: Phrase; words: RegExpExecArray } | undefined {
  for (const one of phrases) {
    const words = one.says.exec(rest)
    if (words && words[0] !== "") return { phrase: one, words }
  }
  return undefined
}

/** What stands between phrases. */
function clean(text: string): string {
  return text.replace(/^[\s.,;]+/, "")
}
