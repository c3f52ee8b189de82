/** Documents in other languages than the native one: which of them reads what. */
import { complain } from "./complaint.ts"
import type { Dialect, Reading } from "./dialect.ts"

/**
 * By the last dialect that takes it, which is the most particular one. A list is each of its objects, whatever languages they are in.
 * Undefined for a native document.
 */
export function readForeign(content: unknown, dialects: readonly Dialect[]): Reading | undefined {
  const items = itemsOf(content)
  if (!items || dialects.length === 0) return dialects.findLast((dialect) => dialect.takes(content))?.read(content)
  const reading: Reading = { resources: [], found: [], broken: [], notes: [] }
  for (const [index, item] of items.entries()) {
    const { resources, found, broken, notes } = readForeign(item, dialects) ?? NO_OBJECT
    reading.resources.push(...resources)
    reading.found.push(...found.map((one) => ({ ...one, path: ["items", index, ...one.path] })))
    reading.broken.push(...broken)
    reading.notes.push(...notes)
  }
  return reading
}

const NO_OBJECT: Reading = {
  resources: [],
  found: [{ path: [], complaint: complain("missing-key", 'An object needs "apiVersion" and "kind"') }],
  broken: [],
  notes: [],
}

/** Of a `List` of Kubernetes, or one of its lists of one kind. */
function itemsOf(content: unknown): readonly unknown[] | undefined {
  if (typeof content !== "object" || content === null) return undefined
  const { apiVersion, kind, items } = content as { apiVersion?: unknown; kind?: unknown; items?: unknown }
  const isList = typeof apiVersion === "string" && typeof kind === "string" && kind.endsWith("List")
  return isList && Array.isArray(items) ? items : undefined
}
