/** Expressions that say what a simpler condition says too: it is faster, ranks as more specific, and can be read. */

/** Text that stands for itself: no sign of an expression, or one that is escaped. */
const LITERAL = /^(?:[^\\.*+?()[\]{}|^$]|\\[^A-Za-z0-9])*$/
const ONE = /^(?:\[\^\/\]\+|\(\[\^\/\]\+\)|\(\?P?<([A-Za-z][A-Za-z0-9_]*)>\[\^\/\]\+\))$/

/** As a document would write it: `{ exact: /a }`; undefined when only an expression can say it. */
export function simplerPath(pattern: string): string | undefined {
  const bare = withoutAnchors(pattern)
  if (bare === ".*" || bare === "/.*") return "no path at all"
  if (!bare.startsWith("/")) return undefined
  const below = /^(.*)\(\??:?\/\.\*\)\?$/.exec(bare)?.[1]
  if (below !== undefined && LITERAL.test(below) && below.length > 1) return `{ prefix: ${bareText(below)} }`
  if (LITERAL.test(bare)) return `{ exact: ${bareText(bare)} }`
  const segments = segmentsOf(bare)?.map((segment, index, all) => {
    if (segment === ".*" && index === all.length - 1) return "**"
    if (LITERAL.test(segment) && !/[{}*]/.test(segment)) return bareText(segment)
    const one = ONE.exec(segment)
    return one ? `{${one[1] ?? `part${index + 1}`}}` : undefined
  })
  if (!segments || segments.includes(undefined)) return undefined
  return `{ template: "/${segments.join("/")}" }`
}

/** Of a header, a query parameter or a cookie. */
export function simplerValue(pattern: string): string | undefined {
  const bare = withoutAnchors(pattern)
  if (bare === ".*") return "{ present: true }"
  const [, before, literal = "", after] = /^(\.\*)?(.*?)(\.\*)?$/s.exec(bare) ?? []
  if (literal === "" || !LITERAL.test(literal) || literal.endsWith("\\")) return undefined
  const kind = before && after ? "contains" : before ? "suffix" : after ? "prefix" : "exact"
  return `{ ${kind}: ${JSON.stringify(bareText(literal))} }`
}

function withoutAnchors(pattern: string): string {
  const start = pattern.startsWith("^") ? pattern.slice(1) : pattern
  return start.endsWith("$") && !start.endsWith("\\$") ? start.slice(0, -1) : start
}

/** Between the slashes, but for those in brackets. */
function segmentsOf(pattern: string): string[] | undefined {
  const marked = pattern.slice(1).replaceAll("[^/]", "[^\u0000]")
  return /[|]/.test(marked) ? undefined : marked.split("/").map((segment) => segment.replaceAll("\u0000", "/"))
}

function bareText(literal: string): string {
  return literal.replace(/\\(.)/gs, "$1")
}
