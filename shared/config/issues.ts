/**
 * What zod found, in our words: one problem for each mistake, with the rule, what was found, and what to do about it.
 * zod reports every consequence of a mistake; here consequences are dropped.
 */
import type * as z from "zod"
import type { Step } from "#shared/std/steps.ts"
import { suggest } from "#shared/std/suggest.ts"
import { type Complaint, complain, didYouMean, quote } from "./complaint.ts"
import { HINT } from "./schema-kit.ts"

export interface Found {
  readonly path: readonly Step[]
  readonly complaint: Complaint
}

type Issue = z.core.$ZodIssue

/** zod's words for types, in ours. */
const NOUNS: Record<string, string> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
}

export function problemsOf(issues: readonly Issue[]): Found[] {
  const found: Found[] = []
  for (const issue of issues) translate(issue, [], found)
  return withoutConsequences(found)
}

function translate(issue: Issue, prefix: readonly Step[], found: Found[]): void {
  const path = [...prefix, ...(issue.path as Step[])]
  if (issue.code === "unrecognized_keys") {
    for (const key of issue.keys)
      found.push({ path: [...path, key], complaint: unknownKey(key, issue.message.split(" ")) })
    return
  }
  if (issue.code !== "invalid_union") {
    found.push({ path, complaint: complaintOf(issue) })
    return
  }
  // Unions here are of different JSON types: the branch of the value's own type says what is wrong.
  const branch = issue.errors.find((errors) => !errors.some(isOfOtherType))
  if (branch) for (const inner of branch) translate(inner, path, found)
  else found.push({ path, complaint: wrongType(expectedOf(issue.errors), issue.input) })
}

function complaintOf(issue: Issue): Complaint {
  switch (issue.code) {
    case "custom": {
      const { rule = "invalid", hint } = (issue.params ?? {}) as Partial<Complaint>
      return complain(rule, issue.message, hint)
    }
    case "invalid_type":
      if (issue.input === undefined) {
        return complain(
          "missing-key",
          `${quote(String(issue.path.at(-1)))} is missing; it must be ${noun(issue.expected)}`,
        )
      }
      return wrongType([noun(issue.expected)], issue.input, issue.message)
    case "invalid_value":
      return wrongValue(issue.values.map(String), issue.input)
    case "too_big":
    case "too_small":
      return outOfRange(issue)
    default:
      return complain("invalid", `${show(issue.input)} is not allowed here`)
  }
}

function unknownKey(key: string, known: readonly string[]): Complaint {
  const near = suggest(key, known)
  return complain(
    "unknown-key",
    `There is no key ${quote(key)} here`,
    near ? didYouMean(near) : `keys: ${known.join(", ")}`,
  )
}

function wrongType(expected: readonly string[], input: unknown, zodMessage = ""): Complaint {
  const message = `${input === null ? "This is empty; it" : show(input)} must be ${expected.join(" or ")}`
  const given = zodMessage.startsWith(HINT) ? zodMessage.slice(HINT.length) : undefined
  return complain("wrong-type", message, given ?? typeHint(expected, input))
}

function typeHint(expected: readonly string[], input: unknown): string | undefined {
  if (input === null && expected.includes("an object")) return 'write "{}" when there is nothing to say'
  if (input === null) return "leave the key out when there is nothing to say"
  if (
    typeof input === "string" &&
    input !== "" &&
    expected.includes("true or false") &&
    /^(true|false|yes|no|on|off)$/i.test(input)
  ) {
    return `write ${/^(true|yes|on)$/i.test(input)} without quotes`
  }
  const wantsNumber = expected.includes("a number") || expected.includes("a whole number")
  if (typeof input === "string" && wantsNumber && input.trim() !== "" && Number.isFinite(Number(input))) {
    return `write ${Number(input)} without quotes`
  }
  if (expected.includes("a text") && (typeof input === "number" || typeof input === "boolean")) {
    return `write ${quote(String(input))}, in quotes`
  }
  if (expected.includes("a list") && (typeof input === "string" || isObject(input))) return "put it in brackets: [...]"
  return undefined
}

function wrongValue(values: readonly string[], input: unknown): Complaint {
  const near = typeof input === "string" ? suggest(input, values) : undefined
  const message = `${show(input)} must be one of ${values.join(", ")}`
  return complain("unknown-value", message, near && didYouMean(near))
}

function outOfRange(issue: z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall): Complaint {
  const [bound, word] = issue.code === "too_big" ? [issue.maximum, "most"] : [issue.minimum, "least"]
  const { input } = issue
  if (Array.isArray(input)) {
    return issue.code === "too_big"
      ? complain("too-many", `There are ${input.length}; at most ${bound} are allowed`)
      : complain("too-few", `There are ${input.length}; at least ${bound} must be there`)
  }
  if (typeof input === "string")
    return complain("too-long", `The text has ${input.length} characters; at most ${bound} are allowed`)
  return complain("out-of-range", `${show(input)} is out of range; the ${word} is ${bound}`)
}

/** A misspelled key is one mistake, although the key that was meant is missing now. */
function withoutConsequences(found: readonly Found[]): Found[] {
  const unknown = found.filter(({ complaint }) => complaint.rule === "unknown-key")
  if (unknown.length === 0) return [...found]
  const places = new Map(unknown.map(({ path }) => [JSON.stringify(path.slice(0, -1)), [] as string[]]))
  for (const { path, complaint } of unknown) places.get(JSON.stringify(path.slice(0, -1)))!.push(complaint.hint ?? "")
  return found.filter(({ path, complaint }) => {
    if (complaint.rule !== "missing-key") return true
    // The complaint is about the object that lacks one of several keys, or about the very key that it lacks.
    if (places.has(JSON.stringify(path))) return false
    return !places.get(JSON.stringify(path.slice(0, -1)))?.includes(didYouMean(String(path.at(-1))))
  })
}

function isOfOtherType(issue: Issue): boolean {
  return (
    issue.path.length === 0 && (issue.code === "invalid_type" || (issue.code === "invalid_value" && !fitsEnum(issue)))
  )
}

/** A text that an enum does not know is a wrong value; anything else is of a wrong type. */
function fitsEnum(issue: z.core.$ZodIssueInvalidValue): boolean {
  return issue.values.some((value) => typeof value === typeof issue.input)
}

function expectedOf(branches: readonly (readonly Issue[])[]): string[] {
  return branches.flatMap((errors) => {
    const first = errors.find(isOfOtherType)
    if (first?.code === "invalid_value") return [first.values.map(String).join(", ")]
    return first?.code === "invalid_type" ? [noun(first.expected)] : []
  })
}

function noun(expected: string): string {
  return NOUNS[expected] ?? expected
}

/** A value as a message shows it: short ones themselves, large ones by what they are. */
export function show(value: unknown): string {
  if (typeof value === "string") return quote(value)
  if (value === null || value === undefined) return "nothing"
  if (Array.isArray(value)) return "a list"
  return typeof value === "object" ? "an object" : String(value)
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
