/** What is wrong with the trace headers of requests that a participant sent on. */
import type { Fields } from "./gateway-api.ts"

/** The headers of one request. */
export type Sent = Readonly<Record<string, string>>

interface Traceparent {
  readonly traceId: string
  readonly parentId: string
  readonly flags: number
}

/** A fault, or undefined. */
type Judge = (wanted: unknown, sent: Sent, parent: Traceparent) => string | undefined

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

/** Of each request. */
const OF_EACH: readonly (readonly [key: RegExp, judge: Judge])[] = [
  [/^validTraceparent$/, () => undefined],
  [/^traceId$/, (wanted, _, { traceId }) => isOneOf(traceId, wanted)],
  [/^traceIdNot$/, (wanted, _, { traceId }) => isNoneOf(traceId, wanted)],
  [/^parentId$/, (wanted, _, { parentId }) => isOneOf(parentId, wanted)],
  [/^parentIdNot$/, (wanted, _, { parentId }) => isNoneOf(parentId, wanted)],
  [/^traceFlags$/, (wanted, _, { flags }) => isOneOf(flags, [wanted].flat().map(numberOf))],
  [/^traceFlagsHasBit$/, (wanted, _, { flags }) => hasBit(flags, wanted)],
  [
    /^traceFlags(LacksBit|HasNotBit)$/,
    (wanted, _, { flags }) => (hasBit(flags, wanted) ? undefined : "the bit is set"),
  ],
  [/^tracestate(Has|Equals)$/, (wanted, sent) => has(membersOf(sent), wanted)],
  [/^tracestateLacks$/, (wanted, sent) => lacks(membersOf(sent), wanted)],
  [/^tracestateContains(All)?$/, (wanted, sent) => missing(stateOf(sent), textsOf(wanted))],
  [/^tracestateContains(Any|AnyOf|OneOf)$/, (wanted, sent) => anyOf(stateOf(sent), textsOf(wanted))],
  [/^tracestate(AnyOf|OneOf)$/, (wanted, sent) => anyOf(stateOf(sent), textsOf(wanted))],
  [/^tracestate(Contains)?(In)?Order(ed)?$/, (wanted, sent) => inOrder(stateOf(sent), textsOf(wanted))],
  [/^tracestate(Length|Count|Size|Members|MemberCount)$/, (wanted, sent) => isOneOf(membersOf(sent).size, wanted)],
  [
    /^tracestate(Empty|Absent|Discarded)$/,
    (wanted, sent) => (wanted === false ? undefined : isOneOf(membersOf(sent).size, 0)),
  ],
]

/** Of all requests together. */
const OF_ALL: Readonly<Record<string, keyof Traceparent>> = {
  distinctTraceIds: "traceId",
  distinctParentIds: "parentId",
}

export function isJudgedOfTraces(key: string): boolean {
  return key in OF_ALL || OF_EACH.some(([pattern]) => pattern.test(key))
}

export function judgeTrace(expect: Fields, requests: readonly Sent[]): string[] {
  const faults: string[] = []
  const parents: Traceparent[] = []
  for (const sent of requests) {
    const parent = parse(sent.traceparent)
    if (!parent) {
      faults.push(`traceparent is ${JSON.stringify(sent.traceparent ?? null)}`)
      continue
    }
    parents.push(parent)
    for (const [key, wanted] of Object.entries(expect)) {
      const fault = OF_EACH.find(([pattern]) => pattern.test(key))?.[1](wanted, sent, parent)
      if (fault !== undefined) faults.push(`${key}: ${fault}`)
    }
  }
  for (const [key, field] of Object.entries(OF_ALL)) {
    const found = new Set(parents.map((parent) => parent[field])).size
    if (expect[key] !== undefined && found !== expect[key]) faults.push(`${key}: ${found} instead of ${expect[key]}`)
  }
  return faults
}

function parse(traceparent: string | undefined): Traceparent | undefined {
  const [, traceId, parentId, flags] = TRACEPARENT.exec(traceparent ?? "") ?? []
  if (!traceId || !parentId || !flags || /^0+$/.test(traceId) || /^0+$/.test(parentId)) return undefined
  return { traceId, parentId, flags: Number.parseInt(flags, 16) }
}

function stateOf(sent: Sent): string {
  return [...membersOf(sent)].map(([key, value]) => `${key}=${value}`).join(",")
}

/** The first member of a key counts. */
function membersOf({ tracestate = "" }: Sent): ReadonlyMap<string, string> {
  const members = new Map<string, string>()
  for (const member of tracestate.split(",")) {
    const trimmed = member.replace(/^[ \t]+|[ \t]+$/g, "")
    const equals = trimmed.indexOf("=")
    const key = trimmed.slice(0, equals)
    if (equals > 0 && !members.has(key)) members.set(key, trimmed.slice(equals + 1))
  }
  return members
}

function has(members: ReadonlyMap<string, string>, wanted: unknown): string | undefined {
  if (Array.isArray(wanted)) return lacking(wanted.map(String).filter((key) => !members.has(key)))
  const wrong = Object.entries(wanted as Fields).filter(([key, value]) => members.get(key) !== value)
  return lacking(wrong.map(([key]) => key))
}

function lacking(keys: readonly string[]): string | undefined {
  return keys.length === 0 ? undefined : `${keys.join(", ")} is missing, or has another value`
}

function lacks(members: ReadonlyMap<string, string>, wanted: unknown): string | undefined {
  const found = textsOf(wanted).filter((key) => members.has(key))
  return found.length === 0 ? undefined : `${found.join(", ")} is there`
}

function missing(state: string, wanted: readonly string[]): string | undefined {
  return lacking(wanted.filter((one) => !state.includes(one)))
}

function anyOf(state: string, wanted: readonly string[]): string | undefined {
  return wanted.some((one) => state.includes(one)) ? undefined : `none of ${wanted.join(", ")} is in ${state}`
}

function inOrder(state: string, wanted: readonly string[]): string | undefined {
  let from = 0
  for (const one of wanted) {
    const at = state.indexOf(one, from)
    if (at < 0) return `${one} is not where it should be in ${state}`
    from = at + one.length
  }
  return undefined
}

function hasBit(flags: number, wanted: unknown): string | undefined {
  const { mask, bit } =
    typeof wanted === "object" ? (wanted as { mask?: number; bit?: number }) : { mask: Number(wanted), bit: undefined }
  return (flags & (mask ?? 1 << (bit ?? 0))) === 0 ? `the bit is not set in ${flags}` : undefined
}

function isOneOf(found: unknown, wanted: unknown): string | undefined {
  return [wanted].flat().includes(found) ? undefined : `${found} instead of ${[wanted].flat().join(" or ")}`
}

function isNoneOf(found: unknown, wanted: unknown): string | undefined {
  return [wanted].flat().includes(found) ? `it is ${found}` : undefined
}

/** Flags are numbers, or written as two hex digits. */
function numberOf(flags: unknown): number {
  return typeof flags === "number" ? flags : Number.parseInt(String(flags), 16)
}

function textsOf(wanted: unknown): readonly string[] {
  if (typeof wanted === "object" && wanted !== null && !Array.isArray(wanted)) {
    return Object.entries(wanted).map(([key, value]) => `${key}=${value}`)
  }
  return [wanted].flat().map(String)
}
