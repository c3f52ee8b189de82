/** What is wrong with one value, before it is known where the value stands. Checks return it; callers add the place. */
import type { Step } from "#shared/std/steps.ts"
import { suggest } from "#shared/std/suggest.ts"

export interface Complaint {
  readonly rule: string
  readonly message: string
  readonly hint?: string
}

/** A check of one written value; undefined when there is nothing to complain about. */
export type Check = (text: string) => Complaint | undefined

/** Takes a complaint down, with where it stands inside the resource or document at hand. */
export type Report = (path: readonly Step[], complaint: Complaint) => void

const QUOTE_CHARS_MAX = 80
const LISTED_MAX = 12

export function complain(rule: string, message: string, hint?: string): Complaint {
  return hint === undefined ? { rule, message } : { rule, message, hint }
}

/** What was found, in quotes and of bounded length. */
export function quote(text: string): string {
  return JSON.stringify(text.length > QUOTE_CHARS_MAX ? `${text.slice(0, QUOTE_CHARS_MAX)}…` : text)
}

export function didYouMean(text: string): string {
  return `did you mean ${quote(text)}?`
}

/** The nearest known name, else what names there are. */
export function hintFrom(word: string, noun: string, known: readonly string[]): string {
  const near = suggest(word, known)
  if (near !== undefined) return didYouMean(near)
  if (known.length === 0) return `there are no ${noun}`
  const listed = [...known].sort().slice(0, LISTED_MAX).join(", ")
  return `${noun}: ${listed}${known.length > LISTED_MAX ? `, and ${known.length - LISTED_MAX} more` : ""}`
}
