/**
 * How servers read the path of a request: an attack on a path rule works when the rule reads another path than the server behind
 * it does. Each reading is what a server of its kind would look up, or nothing when it would refuse.
 */
import { posix } from "node:path"

export interface Reading {
  /** Whose it is. */
  readonly of: string
  read(target: string): string | undefined
}

export const READINGS: readonly Reading[] = [
  { of: "RFC 3986", read: (target) => withoutDots(pathOf(target)) },
  { of: "WHATWG URL", read: whatwg },
  { of: "WHATWG URL, decoded", read: (target) => decoded(whatwg(target)) },
  { of: "Node", read: (target) => node(pathOf(target)) },
  { of: "nginx", read: nginx },
  { of: "who decodes before he looks for a query", read: hasty },
  { of: "servlets", read: servlet },
  { of: "Windows", read: (target) => node(pathOf(target).replaceAll("\\", "/").replaceAll(/%5c/gi, "/")) },
]

/** Whether any server would take the target for one of the guarded paths, or for something below. */
export function reaches(target: string, guarded: readonly string[]): { of: string; path: string } | undefined {
  for (const { of, read } of READINGS) {
    const path = read(target)
    if (path !== undefined && guarded.some((one) => isBelow(path, one))) return { of, path }
  }
  return undefined
}

export function isBelow(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(prefix.endsWith("/") ? prefix : `${prefix}/`)
}

function pathOf(target: string): string {
  return target.replace(/[?#].*$/s, "")
}

function whatwg(target: string): string | undefined {
  return URL.canParse(target, "http://server.test") ? new URL(target, "http://server.test").pathname : undefined
}

/** Serves files: decodes once, then normalises as the file system does, where `//` is `/`. */
function node(path: string): string | undefined {
  const plain = decoded(path)
  return plain === undefined || plain.includes("\0") ? undefined : posix.normalize(plain)
}

/** Takes an escaped "?" for the beginning of a query. */
function hasty(target: string): string | undefined {
  const plain = decoded(pathOf(target))
  return plain === undefined ? undefined : posix.normalize(pathOf(plain))
}

/** `;` parameters go from each segment before it is decoded, then dots are resolved. */
function servlet(target: string): string | undefined {
  return node(pathOf(target).replaceAll(/;[^/]*/g, ""))
}

function decoded(path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  try {
    return decodeURIComponent(path)
  } catch {
    // A server that decodes bytes gets by without UTF-8.
    return path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  }
}

/** Dot segments by the letter (RFC 3986 5.2.4): nothing is decoded, and `//` stays. */
function withoutDots(path: string): string {
  const kept: string[] = []
  const segments = path.split("/").slice(1)
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1
    if (segment === "..") kept.pop()
    if (segment !== "." && segment !== "..") kept.push(segment)
    else if (isLast) kept.push("")
  }
  return `/${kept.join("/")}`
}

/**
 * nginx as it reads a path into `$uri` (`ngx_http_parse_complex_uri` with merge_slashes on): every escape is decoded once, what
 * comes out of one counts as a slash or a dot like any other, `..` above the root and `%00` are refused, and `#` ends the path.
 */
export function nginx(target: string): string | undefined {
  const bytes: string[] = []
  for (let index = 0; index < target.length; index++) {
    const char = target[index] as string
    if (char === "?" || char === "#") break
    if (char !== "%") {
      bytes.push(char)
      continue
    }
    const hex = target.slice(index + 1, index + 3)
    if (!/^[0-9a-f]{2}$/i.test(hex)) return undefined
    index += 2
    const byte = String.fromCharCode(Number.parseInt(hex, 16))
    if (byte === "\0") return undefined
    bytes.push(byte)
  }
  return nginxNormalised(bytes.join(""))
}

function nginxNormalised(path: string): string | undefined {
  if (!path.startsWith("/")) return undefined
  const kept: string[] = []
  const segments = path.slice(1).split("/")
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1
    if (segment === "..") {
      if (kept.pop() === undefined) return undefined
    } else if (segment !== "." && segment !== "") kept.push(segment)
    if (isLast && (segment === "" || segment === "." || segment === "..")) kept.push("")
  }
  return `/${kept.join("/")}`
}
