/**
 * Secrets in documents are write-only. They stand where values of headers, cookies and query parameters do, under names that
 * say so; whoever reads a resource finds a marker there, and a marker that is written back keeps what is there.
 */
import type { Change, Resource } from "#shared/model/document.ts"
import { isSecretName, SECRET } from "#shared/std/secret.ts"
import type { Step } from "#shared/std/steps.ts"
import { complain } from "./complaint.ts"
import type { Found } from "./issues.ts"

/** In a diff, where one secret took the place of another. */
export const OTHER_SECRET = "(another secret)"

/** Keys of native and Kubernetes documents under which names have values: as a map, or as a list of `name` and `value`. A webhook
 * has its secret there. */
const HOLDERS: ReadonlySet<string> = new Set([
  "set",
  "add",
  "default",
  "headers",
  "query",
  "queryParams",
  "cookies",
  "webhook",
])

/** What becomes of one secret text; `path` leads to it from the spec. */
type Visit = (text: string, path: readonly Step[]) => unknown

export function shown<T extends Pick<Resource, "spec">>(resource: T): T {
  return { ...resource, spec: withoutSecrets(resource.spec) }
}

export function shownChanges(changes: readonly Change[]): Change[] {
  return changes.map(({ before, after, ...change }) => ({
    ...change,
    ...(before !== undefined && { before: withoutSecrets(before) }),
    ...(after !== undefined && { after: map(after, (text, path) => markOf(text, at(before, path))) }),
  }))
}

/** A spec with its markers replaced by what the head has in their places, and what is wrong where it has nothing there. */
export function keepSecrets(
  spec: unknown,
  head: unknown,
): { readonly spec: unknown; readonly found: readonly Found[] } {
  const found: Found[] = []
  const kept = map(spec, (text, path) => {
    if (text !== SECRET && text !== OTHER_SECRET) return text
    const before = at(head, path)
    if (typeof before === "string" && isSameName(spec, head, path)) return before
    const hint = "write the value itself, or take the line out"
    found.push({ path, complaint: complain("secret-missing", "The mesh has no secret here that could be kept", hint) })
    return text
  })
  return { spec: kept, found }
}

function withoutSecrets(spec: unknown): unknown {
  return map(spec, () => SECRET)
}

function markOf(text: string, before: unknown): string {
  return typeof before === "string" && before !== text ? OTHER_SECRET : SECRET
}

/** A copy in which each secret text is replaced. Without one it is the value itself. */
function map(value: unknown, visit: Visit, path: readonly Step[] = [], isHeld = false): unknown {
  if (Array.isArray(value)) {
    return copied(
      value,
      value.map((item, index) => mapItem(item, visit, [...path, index], isHeld)),
    )
  }
  if (typeof value !== "object" || value === null) return value
  const entries = Object.entries(value).map(([key, member]) => {
    const place = [...path, key]
    if (isHeld && isSecretName(key)) return [key, texts(member, visit, place)] as const
    return [key, map(member, visit, place, HOLDERS.has(key))] as const
  })
  return entries.every(([key, member]) => member === (value as Record<string, unknown>)[key])
    ? value
    : Object.fromEntries(entries)
}

/** Kubernetes writes a list of `{ name, value }` where native documents have a map. */
function mapItem(item: unknown, visit: Visit, path: readonly Step[], isHeld: boolean): unknown {
  const { name, value } = (item ?? {}) as { name?: unknown; value?: unknown }
  if (!isHeld || typeof name !== "string" || !isSecretName(name)) return map(item, visit, path)
  const hidden = texts(value, visit, [...path, "value"])
  return hidden === value ? item : { ...(item as object), value: hidden }
}

/** Every text below a secret name: `{ exact: ... }` is one, and so is `{ not: { prefix: ... } }`. */
function texts(value: unknown, visit: Visit, path: readonly Step[]): unknown {
  if (typeof value === "string") return visit(value, path)
  if (Array.isArray(value))
    return copied(
      value,
      value.map((item, index) => texts(item, visit, [...path, index])),
    )
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, texts(member, visit, [...path, key])]))
}

function copied(before: readonly unknown[], after: unknown[]): readonly unknown[] {
  return after.every((item, index) => item === before[index]) ? before : after
}

/** In a list of names and values the place is told by the name as well: the list may be another one now. */
function isSameName(spec: unknown, head: unknown, path: readonly Step[]): boolean {
  if (path.at(-1) !== "value") return true
  const name = [...path.slice(0, -1), "name"]
  const told = at(spec, name)
  // Below a secret name, what is called a name is a secret as well.
  return told === SECRET || told === at(head, name)
}

/** What stands at a path; undefined where it leads nowhere. */
function at(root: unknown, path: readonly Step[]): unknown {
  return path.reduce<unknown>((value, step) => {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined
    return (value as Record<Step, unknown>)[step]
  }, root)
}
