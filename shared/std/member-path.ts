/**
 * Where a member of nested objects stands: `sub`, `realm_access.roles`, and in brackets what holds dots or brackets of its own:
 * `[https://example.com/roles]`, `resource_access[my.app].roles`.
 */

const PLAIN = /[^.[\]]+/y
/** Between brackets anything but brackets: what a name cannot be written without is rare enough. */
const BRACKETED = /\[([^[\]]+)\]/y

/** Undefined when `text` is not a path. */
export function parseMemberPath(text: string): readonly string[] | undefined {
  const names: string[] = []
  let offset = 0
  while (offset < text.length) {
    const bracketed = text[offset] === "["
    if (names.length > 0 && !bracketed) {
      if (text[offset] !== ".") return undefined
      offset += 1
    }
    const pattern = bracketed ? BRACKETED : PLAIN
    pattern.lastIndex = offset
    const found = pattern.exec(text)
    if (!found) return undefined
    names.push(found[1] ?? found[0])
    offset = pattern.lastIndex
  }
  return names.length > 0 ? names : undefined
}

export function formatMemberPath(path: readonly string[]): string {
  return path.map((name, index) => (/[.[\]]/.test(name) ? `[${name}]` : index === 0 ? name : `.${name}`)).join("")
}

/** The member's value; undefined where the way to it is not through objects' own members. */
export function memberAt(value: unknown, path: readonly string[]): unknown {
  let found = value
  for (const name of path) {
    if (typeof found !== "object" || found === null || Array.isArray(found) || !Object.hasOwn(found, name)) {
      return undefined
    }
    found = (found as Record<string, unknown>)[name]
  }
  return found
}
