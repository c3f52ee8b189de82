/** What the mesh takes of a request before it is matched: the address in canonical form, and which headers may stay. */
import { isHopByHop, isReserved, nominated } from "#shared/identity/headers.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { type Refusal, refuse } from "#shared/model/refusal.ts"
import { type Priority, priorityOf } from "#shared/model/upstream-policy.ts"
import { HEADER } from "#shared/protocol/headers.ts"
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
  /** Mesh hops the request has made before this one. */
  readonly hops: number
  /** How long the caller still waits, when it said so. */
  readonly remainingMs: number | undefined
  /** The request is an attempt of a hop that retries by itself. */
  readonly nested: boolean
  /** What the calling service says its request is worth. */
  readonly priority: Priority
}

export function admit({ method, url, headers }: RawRequest, door: Door): Admitted | Refusal {
  if (method === "TRACE" || method === "CONNECT") return refuse("method_not_supported")
  const address = canonicalAddress(url, door === "gateway" ? headers.get("host") : null)
  if ("refusal" in address) return address
  if (door === "service") {
    return {
      address,
      dropped: ofPeer(headers),
      hops: hopsOf(headers.get(HEADER.hops)),
      remainingMs: remainingOf(headers.get(HEADER.deadlineMs)),
      nested: headers.has(HEADER.attempt),
      priority: priorityOf(headers.get(HEADER.priority)),
    }
  }
  const dropped = droppedHeaders(headers)
  if (!Array.isArray(dropped)) return dropped
  return { address, dropped, hops: 0, remainingMs: undefined, nested: false, priority: "default" }
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

/** A refusal when the headers are too many or too large. */
function droppedHeaders(headers: Headers): string[] | Refusal {
  const dropped: string[] = []
  let count = 0
  let bytes = 0
  headers.forEach((value, name) => {
    count += 1
    bytes += name.length + value.length
    if (isHopByHop(name)) {
      dropped.push(name)
      if (name === "connection") dropped.push(...nominated(value))
    } else if (isReserved(name)) dropped.push(name)
  })
  if (count > LIMITS.headersMax) return refuse("headers_too_large", `more than ${LIMITS.headersMax} headers`)
  if (bytes > LIMITS.headerBytesMax) {
    return refuse("headers_too_large", `more than ${LIMITS.headerBytesMax} bytes of headers`)
  }
  return dropped
}

/** What is no number of milliseconds says nothing. */
function remainingOf(header: string | null): number | undefined {
  return header !== null && /^\d{1,9}$/.test(header) ? Number(header) : undefined
}

function hopsOf(header: string | null): number {
  return header !== null && /^\d{1,4}$/.test(header) ? Number(header) : 0
}
