/**
 * Documents are data: objects, lists, texts, numbers, booleans and null, of bounded depth. This takes a clean copy of
 * whatever was handed in and says where it was anything else, so that no later step meets a prototype, a cycle or a
 * function. Absent values (`undefined`) are left out, as JSON does.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { Step } from "#shared/std/steps.ts"
import { complain, quote } from "./complaint.ts"
import type { Found } from "./issues.ts"

/** Keys that mean something to the language itself. */
export const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"])

export function plainData(content: unknown): { value: unknown; problems: Found[] } {
  const problems: Found[] = []
  let values = 0

  function copy(value: unknown, path: readonly Step[]): unknown {
    if (++values === LIMITS.documentValuesMax) {
      problems.push({
        path: [],
        complaint: complain("too-large", `There are more than ${LIMITS.documentValuesMax} values`),
      })
    }
    if (values >= LIMITS.documentValuesMax) return undefined
    if (value === null || typeof value === "string" || typeof value === "boolean") return value
    if (typeof value === "number" && Number.isFinite(value)) return value
    if (typeof value !== "object" || !isPlain(value)) return refuse(path, "not-data", `${describe(value)} is not data`)
    if (path.length >= LIMITS.documentDepthMax) {
      return refuse(path.slice(0, 4), "too-deep", `This is nested deeper than ${LIMITS.documentDepthMax}`)
    }
    return Array.isArray(value) ? value.map((item, index) => copy(item, [...path, index])) : copyObject(value, path)
  }

  function copyObject(value: object, path: readonly Step[]): unknown {
    const clean: Record<string, unknown> = {}
    for (const key of Object.keys(value)) {
      const member = (value as Record<string, unknown>)[key]
      if (FORBIDDEN_KEYS.has(key)) refuse([...path, key], "forbidden-key", `The key ${quote(key)} is not allowed`)
      else if (member !== undefined) {
        const copied = copy(member, [...path, key])
        if (copied !== undefined) clean[key] = copied
      }
    }
    return clean
  }

  function refuse(path: readonly Step[], rule: string, message: string): undefined {
    problems.push({ path, complaint: complain(rule, message) })
    return undefined
  }

  return { value: copy(content, []), problems }
}

function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

function describe(value: unknown): string {
  if (typeof value === "object" && value !== null) return `A ${value.constructor.name}`
  return typeof value === "number" || typeof value === "bigint" ? String(value) : `A ${typeof value}`
}
