/** Changes to a query that leave what they are not about as it is written: its order, its escapes, its empty parts. */
import type { QueryChange } from "#shared/model/rewrite.ts"

/** Removes, sets, then adds. What is new stands at the end. */
export function changeQuery(rawQuery: string, { set, add, remove }: QueryChange): string {
  const gone = new Set([...remove, ...set.map(({ name }) => name)])
  const parts = rawQuery === "" ? [] : rawQuery.split("&")
  const kept = gone.size === 0 ? parts : parts.filter((part) => !gone.has(nameOf(part)))
  const added = [...set, ...add].map(({ name, value }) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
  return [...kept, ...added].join("&")
}

/** As servers read it: `+` is a space, and what is no escape stands for itself. */
function nameOf(part: string): string {
  const [[name] = [""]] = new URLSearchParams(part)
  return name
}
