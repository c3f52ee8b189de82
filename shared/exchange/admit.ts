/** What the mesh takes of a request before it is matched: the address in canonical form, and which headers may stay. */
import { isHopByHop, isReserved, nominated } from "#shared/identity/headers.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { type Refusal, refuse } from "#shared/model/refusal.ts"
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
}

export function admit({ method, url, headers }: RawRequest, door: Door): Admitted | Refusal {
  if (method === "TRACE" || method === "CONNECT") return refuse("method_not_supported")
  const address = canonicalAddress(url, door === "gateway" ? headers.get("host") : null)
  if ("refusal" in address) return address
  const dropped = droppedHeaders(headers, door)
  if (!Array.isArray(dropped)) return dropped
  return { address, dropped, hops: door === "service" ? hopsOf(headers.get(HEADER.hops)) : 0 }
}

/** A refusal when the headers are too many or too large. */
function droppedHeaders(headers: Headers, door: Door): string[] | Refusal {
  const untrusted = door === "gateway"
  const dropped: string[] = []
  let count = 0
  let bytes = 0
  headers.forEach((value, name) => {
    count += 1
    bytes += name.length + value.length
    if (isHopByHop(name)) {
      dropped.push(name)
      if (name === "connection" && untrusted) dropped.push(...nominated(value))
    } else if (untrusted ? isReserved(name) : name.startsWith("weft")) dropped.push(name)
  })
  if (count > LIMITS.headersMax) return refuse("headers_too_large", `more than ${LIMITS.headersMax} headers`)
  if (bytes > LIMITS.headerBytesMax) {
    return refuse("headers_too_large", `more than ${LIMITS.headerBytesMax} bytes of headers`)
  }
  return dropped
}

function hopsOf(header: string | null): number {
  return header !== null && /^\d{1,4}$/.test(header) ? Number(header) : 0
}
