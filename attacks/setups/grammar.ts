/**
 * Setups are prose. They are read phrase by phrase: every phrase that some case file may use stands in a table with what it means,
 * and a setup of which anything is left over is not understood. Nothing is guessed.
 */
import { addRules, emptyStage, forwarding, type Stage } from "#attacks/stage.ts"

export interface Phrase {
  /** Read at the beginning of what is left of the setup, in any case. */
  readonly says: RegExp
  /** Returns what is left of the text where it reads further by itself; `false` when it does not mean anything after all. */
  readonly means: Means<string | false | undefined> | Means<void>
}

type Means<Left> = (stage: Stage, words: readonly string[], rest: string) => Left

export function phrase(says: RegExp, means: Phrase["means"]): Phrase {
  return { says: new RegExp(`^(?:${says.source})`, "i"), means }
}

/** What is called by several names is called by one. */
const SYNONYMS: readonly (readonly [RegExp, string])[] = [
  [
    /\b(?:ext_authz|ext-authz|external authorizer|external auth|(?:authz?|auth) (?:hook|service|server)|forward-?auth)\b/gi,
    "external authz",
  ],
  [/\bfailure[ _-]mode[ _-]allow(?:ed)?(?: on|: ?true| ?= ?true)?/gi, "failure mode allow"],
  [/\bstrip-?prefix(?: middleware)?\b/gi, "strip prefix"],
]

/** The stage, or the part of the setup that no phrase reads. */
export function readSetup(setup: string, phrases: readonly Phrase[]): Stage | { readonly notUnderstood: string } {
  const stage = emptyStage()
  let rest = clean(SYNONYMS.reduce((text, [says, means]) => text.replace(says, means), setup))
  while (rest !== "") {
    const left = readPhrase(stage, rest, phrases)
    if (left === undefined) return { notUnderstood: rest }
    rest = clean(left)
  }
  if (Object.keys(stage.routes).length === 0) addRules(stage, "app.test", forwarding("/"))
  return stage
}

/** What is left behind the first phrase that reads the text. */
function readPhrase(stage: Stage, text: string, phrases: readonly Phrase[]): string | undefined {
  for (const { says, means } of phrases) {
    const found = says.exec(text)
    if (!found || found[0] === "") continue
    const words = found.slice(1).map((word) => word ?? "")
    const rest = text.slice(found[0].length)
    // A phrase ends where a word does.
    if (/\w$/.test(found[0]) && /^\w/.test(rest)) continue
    const left = means(stage, words, rest)
    if (left !== false) return left ?? rest
  }
  return undefined
}

/** What stands between phrases. */
function clean(text: string): string {
  return text.replace(/^[\s.,;]+/, "")
}
