/**
 * Patterns of paths in policies, as Istio writes them, and the readings of a path that they are compared with. A policy must hold
 * however the upstream reads a path, so that both sides are compared decoded, and a path with parameters is read twice.
 *
 *   /admin          this path only              /users/{*}/orders    one segment, not empty
 *   /admin*         what begins with it         /files/{**}          anything, also nothing, also slashes; once, as the last
 *   *.css           what ends with it           /store/{**}/cart     and what must follow then
 *   *               every path
 */
import { canonicalPath } from "./path.ts"

export type PathTest = (reading: string) => boolean

const ONE = "{*}"
const ANY = "{**}"

/** What is wrong with a pattern; undefined when nothing is. */
export function pathPatternFault(pattern: string): string | undefined {
  if (!pattern.includes("{") && !pattern.includes("}")) return undefined
  const [before = "", after, ...more] = pattern.split(ANY)
  if (more.length > 0) return `"${ANY}" stands in it twice`
  if (after?.includes(ONE)) return `"${ANY}" is not the last of its variables`
  if (after !== undefined && before.endsWith(ONE)) return `nothing stands between "${ONE}" and "${ANY}"`
  const literals = before.split("/").filter((segment) => segment !== ONE)
  const rest = [...literals, after ?? ""]
  if (rest.some((literal) => /[{}]/.test(literal)))
    return `only "${ONE}", as a whole segment, and "${ANY}" may stand in braces`
  return rest.some((literal) => literal.includes("*")) ? `a "*" stands beside "${ONE}" or "${ANY}"` : undefined
}

/** Takes readings, not paths. A pattern with a fault takes none. */
export function pathTest(pattern: string): PathTest {
  if (pathPatternFault(pattern) !== undefined) return () => false
  if (pattern.includes("{")) return templateTest(pattern)
  if (pattern === "*") return () => true
  if (pattern.startsWith("*")) {
    const suffix = decodedOnce(pattern.slice(1))
    return (reading) => reading.endsWith(suffix)
  }
  const prefix = pattern.endsWith("*")
  const literal = decodedOnce(prefix ? pattern.slice(0, -1) : pattern)
  return prefix ? (reading) => reading.startsWith(literal) : (reading) => reading === literal
}

/**
 * How a canonical path may be understood further on. First as it is. Where it has parameters (`/admin;x=y/users`), also without them, as
 * servers read it that look at the segments only; where an escape hides a ";", with that one taken for a parameter's beginning too.
 * Where an escape hides a "?" or a "#", also as it ends there, to whoever decodes before he looks for a query. What this leaves of
 * slashes and dots is resolved.
 */
export function readingsOf(canonical: string): readonly string[] {
  const plain = decodedOnce(canonical)
  if (!/[;?#]/.test(plain)) return [plain]
  const readings = plain.includes(";") ? withParameters(canonical, plain) : [plain]
  return /[?#]/.test(plain) ? [...new Set([...readings, ...readings.flatMap(withoutQuery)])] : readings
}

function withParameters(canonical: string, plain: string): readonly string[] {
  const written = canonical.includes(";") ? [decodedOnce(withoutParameters(canonical))] : []
  const hidden = canonical.includes("%3B") ? [decodedOnce(withoutParameters(escapedAgain(plain)))] : []
  return [plain, ...written, ...hidden]
}

function withoutQuery(reading: string): readonly string[] {
  const cut = reading.replace(/[?#].*$/s, "")
  const path = canonicalPath(escapedAgain(cut))
  if (typeof path !== "string") return resolved(cut)
  const plain = decodedOnce(path)
  // A dot at the end leaves a slash (RFC 3986, 5.2.4), which file systems do not see.
  return /\/\.\.?$/.test(cut) && plain !== "/" ? [plain, plain.slice(0, -1)] : [plain]
}

/** For whoever goes by plain dots only: "/..;x" has no canonical form, and is a segment like any other to him. */
function resolved(path: string): readonly string[] {
  const kept: string[] = []
  for (const segment of path.split("/")) {
    if (segment === "..") kept.pop()
    else if (segment !== "." && segment !== "") kept.push(segment)
  }
  const plain = `/${kept.join("/")}`
  return plain === "/" ? [plain] : [plain, `${plain}/`]
}

function withoutParameters(path: string): string {
  const bare = path.replace(/;[^/]*/g, "")
  const canonical = canonicalPath(bare)
  return typeof canonical === "string" ? canonical : bare
}

/** Every escape decoded, once. Bytes beyond ASCII become characters of their own: both sides of a comparison are decoded alike. */
function decodedOnce(path: string): string {
  if (!path.includes("%")) return path
  return path.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

function escapedAgain(decoded: string): string {
  return decoded.replace(
    /[^!$&'()*+,\-./0-9:;=@A-Z_a-z~]/g,
    (char) => `%${char.charCodeAt(0).toString(16).padStart(2, "0")}`,
  )
}

/** Without backtracking: a variable of one segment ends where the segment does, and the other one is the last. */
function templateTest(pattern: string): PathTest {
  const [head = "", tail] = pattern.split(ANY)
  const parts = head.split(ONE).map(decodedOnce)
  const suffix = tail === undefined ? undefined : decodedOnce(tail)
  return (reading) => {
    let position = 0
    for (const [index, literal] of parts.entries()) {
      if (index > 0) {
        const slash = reading.indexOf("/", position)
        const end = slash < 0 ? reading.length : slash
        if (end === position) return false
        position = end
      }
      if (!reading.startsWith(literal, position)) return false
      position += literal.length
    }
    if (suffix === undefined) return position === reading.length
    return reading.length - position >= suffix.length && reading.endsWith(suffix)
  }
}
