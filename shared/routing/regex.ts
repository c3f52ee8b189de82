/**
 * Regular expressions that people configure, in RE2 syntax and linear time: a native RegExp may take exponential time
 * on a short text. The only file that knows the engine.
 */
import { RE2JS, RE2Set } from "re2js"
import { LIMITS } from "#shared/model/limits.ts"

export interface LinearRegex {
  /** Whether the expression takes the whole text. Texts are cut at `LIMITS.regexTextCharsMax`. */
  matches(text: string): boolean
}

/** Compiles an expression that may be configured, and tells how many steps it has; the second form says why it may not. */
export function admitRegex(
  pattern: string,
): { readonly regex: LinearRegex; readonly steps: number } | { readonly problem: string } {
  if (pattern.length > LIMITS.regexCharsMax) {
    return { problem: `the expression has ${pattern.length} characters, more than ${LIMITS.regexCharsMax}` }
  }
  const compiled = compileRegex(pattern)
  if (typeof compiled === "string") return { problem: compiled }
  const steps = compiled.programSize()
  if (steps > LIMITS.regexProgramMax) {
    return { problem: `the expression compiles to ${steps} steps, more than ${LIMITS.regexProgramMax}` }
  }
  return { regex: { matches: (text) => compiled.matches(cut(text)) }, steps }
}

export interface LinearReplacer {
  /** The text with the places that the expression takes written anew, at most `LIMITS.regexReplacementsMax` of them. */
  replace(text: string, write: (groups: Readonly<Record<string, string>>) => string): string
}

/** One search of a text is linear; the limit keeps all of them together so. */
export function linearReplacer(pattern: string): LinearReplacer {
  const compiled = compileRegex(pattern)
  if (typeof compiled === "string") return { replace: (text) => text }
  const names = Object.entries(compiled.namedGroups())
  return {
    replace(text, write) {
      const matcher = compiled.matcher(text)
      let written = ""
      let end = 0
      for (let count = 0; count < LIMITS.regexReplacementsMax && matcher.find(); count++) {
        const groups: Record<string, string> = {}
        for (let index = 0; index <= matcher.groupCount(); index++) groups[index] = matcher.group(index) ?? ""
        for (const [name, index] of names) groups[name] = groups[index] ?? ""
        written += text.slice(end, matcher.start()) + write(groups)
        end = matcher.end()
      }
      return written + text.slice(end)
    },
  }
}

/** The numbers and names of an expression's groups, 0 for all of it; undefined when it may not be configured. */
export function groupsOf(pattern: string): string[] | undefined {
  const compiled = pattern.length > LIMITS.regexCharsMax ? "" : compileRegex(pattern)
  if (typeof compiled === "string") return undefined
  const numbers = Array.from({ length: compiled.groupCount() + 1 }, (_, index) => String(index))
  return [...numbers, ...Object.keys(compiled.namedGroups())]
}

/** The expressions of one table: each is compiled once, when it is first asked. */
export class RegexPool {
  readonly #regexes = new Map<string, LinearRegex>()

  get(pattern: string): LinearRegex {
    let regex = this.#regexes.get(pattern)
    if (!regex) {
      regex = lazy(pattern)
      this.#regexes.set(pattern, regex)
    }
    return regex
  }
}

/** Many expressions asked at once, for the cost of about one. Tells the indexes of those that take the whole text. */
export class RegexSet {
  readonly #patterns: readonly string[]
  #set: RE2Set | undefined
  #single: readonly LinearRegex[] | undefined

  constructor(patterns: readonly string[]) {
    this.#patterns = patterns
  }

  matches(text: string): readonly number[] {
    if (!this.#set && !this.#single) this.#compile()
    if (this.#set) return this.#set.match(cut(text))
    const taken: number[] = []
    this.#single?.forEach((regex, index) => {
      if (regex.matches(text)) taken.push(index)
    })
    return taken
  }

  /** Together the expressions may be too large for one machine, or one may be broken: then each stands alone. */
  #compile(): void {
    try {
      const set = new RE2Set(RE2Set.ANCHOR_BOTH)
      for (const pattern of this.#patterns) set.add(pattern)
      set.compile()
      this.#set = set
    } catch {
      this.#single = this.#patterns.map(lazy)
    }
  }
}

/** An expression that admission refuses cannot come from the control plane; should it come anyway, it takes nothing. */
function lazy(pattern: string): LinearRegex {
  let compiled: LinearRegex | undefined
  return {
    matches(text) {
      if (!compiled) {
        const admitted = admitRegex(pattern)
        compiled = "regex" in admitted ? admitted.regex : { matches: () => false }
      }
      return compiled.matches(text)
    },
  }
}

function compileRegex(pattern: string): RE2JS | string {
  try {
    return RE2JS.compile(pattern)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function cut(text: string): string {
  return text.length > LIMITS.regexTextCharsMax ? text.slice(0, LIMITS.regexTextCharsMax) : text
}
