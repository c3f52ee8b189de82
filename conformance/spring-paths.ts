/** Path patterns of Spring as paths of the mesh, and what filters make of a path, one after the other, as one rewrite. */
import type { PathDocument } from "#shared/model/match-document.ts"
import type { PathChangeDocument } from "#shared/model/rewrite-document.ts"
import { quoted } from "./translation.ts"

export interface SpringPath {
  /** Any of them. */
  readonly paths: readonly PathDocument[]
  /** For all that the pattern takes, with its captures by name. */
  readonly regex: string
}

export function pathOf(pattern: string, takesTrailingSlash: boolean): SpringPath {
  const rooted = pattern.startsWith("/") ? pattern : `/${pattern}`
  const segments = rooted.slice(1).split("/")
  const isOpen = /^(\*\*|\{\*\w+\})$/.test(segments.at(-1)!)
  const slash = takesTrailingSlash && !isOpen && !rooted.endsWith("/")
  const regex = segments.map((segment, index) => segmentRegex(segment, index === segments.length - 1)).join("")
  return {
    paths: pathsOf(rooted, segments, slash) ?? [{ regex: regex + (slash ? "/?" : "") }],
    regex: regex + (slash ? "/?" : ""),
  }
}

/** By what the mesh has for it, where it has something else than expressions. */
function pathsOf(pattern: string, segments: readonly string[], slash: boolean): PathDocument[] | undefined {
  const isLiteral = (segment: string) => /^[\w.~%-]*$/.test(segment)
  const literal = segments.slice(0, -1).every(isLiteral)
  const last = segments.at(-1)!
  if (literal && isLiteral(last)) return [{ exact: pattern }, ...(slash ? [{ exact: `${pattern}/` }] : [])]
  if (literal && last === "**") return [{ prefix: pattern.slice(0, -3) || "/" }]
  const isWhole = (segment: string) => isLiteral(segment) || /^(\*|\{[A-Za-z]\w*\})$/.test(segment)
  if (!segments.every(isWhole)) return undefined
  return [{ template: pattern }, ...(slash ? [{ template: `${pattern}/` }] : [])]
}

function segmentRegex(segment: string, isLast: boolean): string {
  if (segment === "**") return isLast ? "(?:/.*)?" : "(?:/[^/]+)*"
  const rest = /^\{\*(\w+)\}$/.exec(segment)
  if (rest) return `(?<${rest[1]}>(?:/.*)?)`
  return `/${segment.replace(
    /\{(\w+)(?::((?:[^{}]|\{[^{}]*\})*))?\}|\*|\?|[^{*?]+/g,
    (text, name?: string, own?: string) => {
      if (name !== undefined) return `(?<${name}>${own ?? "[^/]+"})`
      if (text === "*") return "[^/]*"
      return text === "?" ? "[^/]" : quoted(text)
    },
  )}`
}

/** What has become of the path so far. */
export type Moved =
  | { readonly by: "shift"; readonly strip: number; readonly prefix: string }
  | { readonly by: "set"; readonly path: string }
  | { readonly by: "regex"; readonly pattern: string; readonly replacement: string; readonly prefix: string }

export const UNMOVED: Moved = { by: "shift", strip: 0, prefix: "" }

export function prefixed(moved: Moved, prefix: string): Moved {
  if (moved.by === "set") return { ...moved, path: prefix + moved.path }
  return { ...moved, prefix: prefix + moved.prefix }
}

/** Undefined: there is no word for it. */
export function stripped(moved: Moved, parts: number): Moved | undefined {
  if (parts === 0) return moved
  if (moved.by !== "shift") return undefined
  const segments = moved.prefix.split("/").slice(1)
  const left = segments.slice(parts)
  const more = Math.max(0, parts - segments.length)
  return { by: "shift", strip: moved.strip + more, prefix: left.length > 0 ? `/${left.join("/")}` : "" }
}

export interface PathOutcome {
  readonly change?: PathChangeDocument
  /** Paths that the change is for; others get the second one. Absent: all. */
  readonly takes?: string
  readonly otherwise?: PathChangeDocument
}

/** `of`: all that the route's path pattern takes; undefined where it has none. */
export function outcomeOf(moved: Moved, of: string | undefined): PathOutcome | string {
  switch (moved.by) {
    case "shift":
      return shifted(moved)
    case "set": {
      const captures = [...moved.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!)
      const unknown = captures.find((name) => !of?.includes(`(?<${name}>`))
      if (unknown !== undefined) return `{${unknown}} is not captured by the path: nothing else captures`
      if (captures.length === 0) return { change: { full: moved.path } }
      return { change: { regex: { pattern: `^${of}$`, replacement: moved.path } } }
    }
    case "regex":
      return replaced(moved)
  }
}

function shifted({ strip, prefix }: Extract<Moved, { by: "shift" }>): PathOutcome {
  if (strip === 0 && prefix === "") return {}
  const pattern = strip === 0 ? "^" : `^(?:/[^/]+){0,${strip}}`
  return { change: { regex: { pattern, replacement: prefix } } }
}

/** Below a further prefix, an expression is replaced where it stands first, and paths without it get the prefix alone. */
function replaced({ pattern, replacement, prefix }: Extract<Moved, { by: "regex" }>): PathOutcome | string {
  if (prefix === "") return { change: { regex: { pattern, replacement } } }
  if (!/(\.\*\)?|\$)$/.test(pattern)) return "an expression that is replaced in several places has no prefix put before"
  if (/\{\d+\}/.test(replacement)) return "groups by number have no prefix put before"
  const anchored = pattern.startsWith("^") ? pattern : `^(?<before>.*?)${pattern}`
  const before = pattern.startsWith("^") ? "" : "{before}"
  return {
    change: { regex: { pattern: anchored, replacement: `${prefix}${before}${replacement}` } },
    takes: `${anchored.replace(/^\^/, "")}.*`,
    otherwise: { regex: { pattern: "^", replacement: prefix } },
  }
}
