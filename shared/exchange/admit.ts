/** What the mesh takes of a request before it is matched: the address in canonical form, and which headers may stay. */
import { type AddressClaims, NO_CLAIMS } from "#shared/identity/client-address.ts"
import { isAmbiguous, isHopByHop, isOfEdge, isReserved, nominated, oneLineOf } from "#shared/identity/headers.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { type Refusal, refuse } from "#shared/model/refusal.ts"
import { type Priority, priorityOf } from "#shared/model/upstream-policy.ts"
import { floorOf } from "#shared/propagation/consistency.ts"
import { HEADER } from "#shared/protocol/headers.ts"
import { B3, B3_TRACE_ID } from "#shared/telemetry/b3.ts"
import { type Address, canonicalAddress } from "./address.ts"

/** The door: by a gateway anybody may come, by a sidecar binding only services of the mesh. */
export type Door = "gateway" | "service"

export interface RawRequest {
  readonly method: string
  readonly url: string
  readonly headers: Headers
}

export interface Admitted {
  readonly address: Address
  /** The lower-case names of the sender's headers that must not go on. */
  readonly dropped: readonly string[]
  /** All cookies in one line, where the public sent them in several. */
  readonly cookies: string | undefined
  /** Mesh hops the request has made before this one. */
  readonly hops: number
  /** How long the caller still waits, when it said so. */
  readonly remainingMs: number | undefined
  /** The request is an attempt of a hop that retries by itself. */
  readonly nested: boolean
  /** What the calling service says its request is worth. */
  readonly priority: Priority
  /** The revision that the chain is to be served by at least; 0 for any. */
  readonly floor: number
  /** What the public shows for such a revision, still to be checked; the floor is `FLOOR_UNCHECKED` then. */
  readonly consistency: string | undefined
  /** Where the request says it is from. */
  readonly from: AddressClaims
  /** The ticket with which the public asks what was received, still to be checked. */
  readonly probe: string | undefined
  /** It may belong to a trace that its sender tells of by B3. */
  readonly mayHaveB3: boolean
}

/** No revision is as high: whoever is asked for it looks closer. */
export const FLOOR_UNCHECKED = Number.POSITIVE_INFINITY

/** What is known of the proxy's surroundings. */
export interface Surroundings {
  /**
   * The platform's edge stands before it: what begins with `cf-` is the edge's word, else it is dropped. Asked only where there is such a
   * name, because to find out may cost something.
   */
  readonly edge: boolean
  /** Names with `_` or `.` are passed on, unless they look like reserved ones. */
  readonly keepsAmbiguousNames: boolean
  /** Traces of services that know B3 only are continued: their requests are looked at for it. */
  readonly followsB3?: boolean
}

export function admit(
  { method, url, headers }: RawRequest,
  door: Door,
  surroundings: Surroundings,
): Admitted | Refusal {
  if (method === "TRACE" || method === "CONNECT") return refuse("method_not_supported")
  const address = canonicalAddress(url, door === "gateway" ? headers.get("host") : null)
  if ("refusal" in address) return address
  if (door === "service") {
    const hops = headers.get(HEADER.hops)
    return {
      address,
      dropped: ofPeer(headers),
      cookies: undefined,
      hops: hopsOf(hops),
      // Only who passes on what he was told has something to say of it; the others are spared the look.
      floor: hops === null ? 0 : floorOf(headers.get(HEADER.revision)),
      consistency: undefined,
      remainingMs: remainingOf(headers.get(HEADER.deadlineMs)),
      nested: headers.has(HEADER.attempt),
      priority: priorityOf(headers.get(HEADER.priority)),
      from: NO_CLAIMS,
      probe: undefined,
      mayHaveB3: surroundings.followsB3 === true,
    }
  }
  const sifted = sift(headers, surroundings)
  if ("refusal" in sifted) return sifted
  return { address, ...sifted, hops: 0, remainingMs: undefined, nested: false, priority: "default" }
}

/** Leaves in place, of what was admitted, what may go on. */
export function cleanse(headers: Headers, { dropped, cookies }: Pick<Admitted, "dropped" | "cookies">): void {
  for (const name of dropped) headers.delete(name)
  if (cookies !== undefined && headers.has("cookie")) headers.set("cookie", cookies)
}

const NONE: readonly string[] = []

/**
 * A peer's headers are its service's own doing, and the mesh's names among them are set anew before the request leaves. Going
 * through all of them would cost as much as the rest of what is decided; only a service that passes on a connection's
 * headers as they came makes that worth it.
 */
function ofPeer(headers: Headers): readonly string[] {
  return headers.has("connection") ? [...headers.keys()].filter(isHopByHop) : NONE
}

/** What must not go on of the public's headers, in one walk. A refusal when they are too many, too large or unreadable. */
function sift(
  headers: Headers,
  surroundings: Surroundings,
): Pick<Admitted, "dropped" | "cookies" | "from" | "floor" | "consistency" | "probe" | "mayHaveB3"> | Refusal {
  const dropped: string[] = []
  let count = 0
  let bytes = 0
  let fault: string | undefined
  let from: AddressClaims = NO_CLAIMS
  let consistency: string | undefined
  let probe: string | undefined
  let isCoded = false
  let mayHaveB3 = false
  let cookies: string | undefined
  headers.forEach((value, name) => {
    count += value.length > SHORTEST_FLOOD ? linesOf(value) : 1
    bytes += name.length + value.length
    // Others would read other bytes than the mesh has judged.
    if (value.includes(NOT_UTF8)) fault = name
    if (name === "cookie" && value.includes(",")) cookies = oneLineOf(value)
    if (name === B3 || name === B3_TRACE_ID) mayHaveB3 = true
    if (name === "cf-connecting-ip" && surroundings.edge) from = { ...from, edge: value }
    else if (isHopByHop(name)) {
      dropped.push(name)
      if (name === "connection") dropped.push(...nominated(value))
      else if (name === "transfer-encoding" && value.toLowerCase() !== "chunked") isCoded = true
    } else if (isReserved(name)) {
      dropped.push(name)
      if (name === "x-forwarded-for") from = { ...from, forwardedFor: value }
      else if (name === "forwarded") from = { ...from, forwarded: value }
      else if (name === HEADER.revision) consistency = value
      else if (name === HEADER.probe) probe = value
    } else if (isAmbiguous(name)) {
      if (!surroundings.keepsAmbiguousNames) dropped.push(name)
    } else if (isOtherProtocol(name, value) || (isOfEdge(name) && !surroundings.edge)) {
      dropped.push(name)
    }
  })
  if (count > LIMITS.headersMax) return refuse("headers_too_large", `more than ${LIMITS.headersMax} headers`)
  if (bytes > LIMITS.headerBytesMax) {
    return refuse("headers_too_large", `more than ${LIMITS.headerBytesMax} bytes of headers`)
  }
  // The runtime has taken the body for chunked; who reads the list otherwise would find another end of it.
  if (isCoded) return refuse("bad_request", "the body has another transfer coding than chunked")
  const floor = consistency === undefined ? 0 : FLOOR_UNCHECKED
  return fault === undefined
    ? { dropped, cookies, from, floor, consistency, probe, mayHaveB3 }
    : refuse("bad_request", `the header ${fault} is not in UTF-8`)
}

/** What the runtime gives for bytes that are no UTF-8; it would send on the bytes. */
const NOT_UTF8 = "\uFFFD"
/** No shorter value can be that many lines: the runtime joins those of one name with ", ". */
const SHORTEST_FLOOD = 2 * LIMITS.headersMax

function linesOf(value: string): number {
  let lines = 1
  for (let at = value.indexOf(", "); at >= 0; at = value.indexOf(", ", at + 2)) lines += 1
  return lines > LIMITS.headersMax ? lines : 1
}

/** A WebSocket is the only other protocol that passes. */
function isOtherProtocol(name: string, value: string): boolean {
  return name === "upgrade" && value.toLowerCase() !== "websocket"
}

/** What is no number of milliseconds says nothing. */
function remainingOf(header: string | null): number | undefined {
  return header !== null && /^\d{1,9}$/.test(header) ? Number(header) : undefined
}

function hopsOf(header: string | null): number {
  return header !== null && /^\d{1,4}$/.test(header) ? Number(header) : 0
}
