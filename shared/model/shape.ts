/**
 * What shapes of snapshots are built from: small checks that answer with what is wrong, and ways to join them. Hand-written,
 * because a schema library is too large and too slow for the proxy.
 */
import { isLabel } from "./names.ts"

/** Answers with what is wrong and where; undefined when nothing is. */
export type Shape = (value: unknown) => string | undefined

export const text: Shape = (value) => (typeof value === "string" ? undefined : "is not a text")
export const flag: Shape = (value) => (typeof value === "boolean" ? undefined : "is not a boolean")
export const id: Shape = (value) => {
  if (typeof value !== "string") return "is not a text"
  const slash = value.indexOf("/")
  return isLabel(value.slice(0, slash)) && isLabel(value.slice(slash + 1)) ? undefined : "is not an id"
}
export const label: Shape = (value) => (typeof value === "string" && isLabel(value) ? undefined : "is not a name")
export const filled: Shape = (value) =>
  typeof value === "string" && value !== "" ? undefined : "is not a text with content"
export const path: Shape = (value) => (typeof value === "string" && value[0] === "/" ? undefined : "is not a path")

/** What a header's name, its value and a host may be made of: a snapshot in which one is not would fail while a request waits. */
const FIELD_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const NOT_IN_FIELD = /[\0\r\n]/
const HOST = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/
export const fieldName: Shape = (value) =>
  typeof value === "string" && FIELD_NAME.test(value) ? undefined : "is not a header's name"
export const fieldValue: Shape = (value) =>
  typeof value === "string" && !NOT_IN_FIELD.test(value) ? undefined : "is not a header's value"
export const host: Shape = (value) => (typeof value === "string" && HOST.test(value) ? undefined : "is not a host")

export function number(min: number, max: number): Shape {
  return (value) =>
    typeof value === "number" && value >= min && value <= max ? undefined : `is not between ${min} and ${max}`
}

export function whole(min: number, max: number): Shape {
  const range = number(min, max)
  return (value) => (Number.isInteger(value) ? range(value) : "is not a whole number")
}

export function word(...words: readonly (string | number)[]): Shape {
  return (value) => (words.includes(value as string) ? undefined : `is none of ${words.join(", ")}`)
}

export function list(item: Shape, max: number, min = 0): Shape {
  return (value) => {
    if (!Array.isArray(value)) return "is not a list"
    if (value.length < min || value.length > max) return `has ${value.length} items`
    for (let index = 0; index < value.length; index++) {
      const fault = item(value[index])
      if (fault !== undefined) return `[${index}] ${fault}`
    }
    return undefined
  }
}

export function object(required: Record<string, Shape>, optional: Record<string, Shape> = {}): Shape {
  const needed = Object.entries(required)
  const allowed = Object.entries(optional)
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return "is not an object"
    const fields = value as Record<string, unknown>
    for (const [key, shape] of needed) {
      const fault = shape(Object.hasOwn(fields, key) ? fields[key] : undefined)
      if (fault !== undefined) return `.${key} ${fault}`
    }
    for (const [key, shape] of allowed) {
      if (fields[key] === undefined) continue
      const fault = shape(fields[key])
      if (fault !== undefined) return `.${key} ${fault}`
    }
    return undefined
  }
}

/** By name; each item says its own name again. */
export function record(item: Shape, max: number): Shape {
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return "is not an object"
    const entries = Object.entries(value)
    if (entries.length > max) return `has ${entries.length} items`
    for (const [key, entry] of entries) {
      const fault = item(entry) ?? (entry.name === key ? undefined : "is under another's name")
      if (fault !== undefined) return `.${key} ${fault}`
    }
    return undefined
  }
}

/** A union, told apart by the word under `tag`. */
export function tagged(shapes: Record<string, Shape>, tag = "kind"): Shape {
  const byTag = new Map(Object.entries(shapes))
  return (value) => {
    if (typeof value !== "object" || value === null) return "is not an object"
    const shape = byTag.get((value as Record<string, string>)[tag]!)
    return shape ? shape(value) : `.${tag} is not known`
  }
}
