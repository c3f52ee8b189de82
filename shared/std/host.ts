/**
 * The one canonical form of a request's host. workerd builds `request.url` by joining scheme, raw Host header and raw
 * target, so a Host such as `app.test/admin?x=` would move into the path: nothing is read from a host that this grammar
 * does not take (rule S4).
 */
import { LIMITS } from "#shared/model/limits.ts"

export interface HostPort {
  /** Lower-case, without port and trailing dot. */
  readonly host: string
  /** Absent when the request named none. */
  readonly port: number | undefined
}

const GRAMMAR = /^([a-z0-9.-]+?)\.?(?::([0-9]{1,5}))?$/

/** Most requests of an isolate name the host that the one before them named. */
let last: { readonly raw: string; readonly canonical: HostPort | undefined } = { raw: "", canonical: undefined }

/** Undefined when `raw` is not a host: refuse the request. */
export function canonicalHost(raw: string): HostPort | undefined {
  if (raw !== last.raw) last = { raw, canonical: parse(raw) }
  return last.canonical
}

function parse(raw: string): HostPort | undefined {
  if (raw.length > LIMITS.hostBytesMax + 6) return undefined
  const parts = GRAMMAR.exec(raw.toLowerCase())
  if (!parts) return undefined
  const host = parts[1] as string
  if (host.length > LIMITS.hostBytesMax || host.startsWith(".") || host.endsWith(".") || host.includes(".."))
    return undefined
  const port = parts[2] === undefined ? undefined : Number(parts[2])
  return port === undefined || (port > 0 && port <= 65_535) ? { host, port } : undefined
}
