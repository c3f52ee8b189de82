/**
 * W3C Trace Context, levels 1 and 2: which trace a request belongs to and which span sent it. The mesh takes part in the
 * trace: it keeps the trace id and the flags and puts its own span id in place of the sender's.
 */

export interface TraceContext {
  /** 32 lower-case hex digits, not all zero. */
  readonly traceId: string
  /** The sender's span, 16 lower-case hex digits; absent when the trace begins here. */
  readonly parentId: string | undefined
  /** The mesh's own span. */
  readonly spanId: string
  /** Two hex digits: 01 sampled, 02 random trace id. */
  readonly flags: string
}

/** Lower-case hex digits, as many as asked for: random, from the caller's source of chance. */
export type RandomHex = (digits: number) => string

/** version 00 has exactly four fields; a higher version may append more after a dash; ff is forbidden. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const ZERO_TRACE = "0".repeat(32)
const ZERO_SPAN = "0".repeat(16)
const SAMPLED = 1
/** The flags that are known: all others are to be 0 in what is sent, whatever the version of what came. */
const KNOWN = 3
/** A trace that begins here: the id is random, sampling is for the receiver to decide. */
const FLAGS_NEW = "02"

/** Continues the sender's trace, or begins a new one when there is none or it is malformed (a duplicate is joined by ", "). */
export function enterTrace(traceparent: string | null, randomHex: RandomHex): TraceContext {
  const parts = traceparent === null ? null : TRACEPARENT.exec(traceparent)
  if (!parts || !isUsable(parts)) {
    return { traceId: randomHex(32), parentId: undefined, spanId: randomHex(16), flags: FLAGS_NEW }
  }
  const [, , traceId, parentId, flags] = parts as unknown as readonly string[]
  return { traceId: traceId!, parentId, spanId: randomHex(16), flags: knownFlags(flags!) }
}

/** What the next hop is told: always version 00. */
export function formatTraceparent({ traceId, spanId, flags }: Omit<TraceContext, "parentId">): string {
  return `00-${traceId}-${spanId}-${flags}`
}

/** Whether whoever began the trace wants it recorded. */
export function isSampled({ flags }: Pick<TraceContext, "flags">): boolean {
  return (Number.parseInt(flags, 16) & SAMPLED) === SAMPLED
}

/** The same trace, which this hop has decided to record. */
export function sampled(flags: string): string {
  return hexByte(Number.parseInt(flags, 16) | SAMPLED)
}

/** The same trace, of which the sender's wish to have it recorded is not followed. */
export function unsampled(flags: string): string {
  return hexByte(Number.parseInt(flags, 16) & ~SAMPLED & KNOWN)
}

function isUsable(parts: RegExpExecArray): boolean {
  const [, version, traceId, spanId, , rest] = parts
  return version !== "ff" && !(version === "00" && rest) && traceId !== ZERO_TRACE && spanId !== ZERO_SPAN
}

function knownFlags(flags: string): string {
  return hexByte(Number.parseInt(flags, 16) & KNOWN)
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, "0")
}

const MEMBERS_MAX = 32
const KEY = /^[a-z0-9][a-z0-9_\-*/@]{0,255}$/
const VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/

/**
 * The tracestate as it is passed on: the same text, unless it names a key twice. The first member of a key is its newest, and
 * only that may stay. Undefined when it breaks the grammar, has more members than there may be, or none: then it is dropped whole.
 */
export function tracestateToPass(text: string): string | undefined {
  const members = new Map<string, string>()
  let isRepeated = false
  let count = 0
  for (const member of text.split(",")) {
    const trimmed = member.replace(/^[ \t]+|[ \t]+$/g, "")
    if (trimmed === "") continue
    const equals = trimmed.indexOf("=")
    const key = trimmed.slice(0, equals)
    count += 1
    if (equals < 0 || count > MEMBERS_MAX || !KEY.test(key) || !VALUE.test(trimmed.slice(equals + 1))) return undefined
    if (members.has(key)) isRepeated = true
    else members.set(key, trimmed)
  }
  if (members.size === 0) return undefined
  return isRepeated ? [...members.values()].join(",") : text
}
