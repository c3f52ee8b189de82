/**
 * The one canonical request, built first and from raw parts. Nothing after this reads what the sender sent (rule S1).
 */
import { type Address, authorityOf, isWrittenAs, urlOf } from "#shared/exchange/address.ts"
import { admit, cleanse } from "#shared/exchange/admit.ts"
import type { Entrance } from "#shared/exchange/decide.ts"
import type { AddressClaims } from "#shared/identity/client-address.ts"
import type { Refusal } from "#shared/model/refusal.ts"
import type { Priority } from "#shared/model/upstream-policy.ts"
import { HEADER } from "#shared/protocol/headers.ts"
import { traceparentOf } from "#shared/telemetry/b3.ts"
import type { Mesh } from "./mesh.ts"

export interface CanonicalRequest extends Address {
  readonly method: string
  /**
   * A copy that filters may change, with the canonical URL and free of hop-by-hop and reserved headers. One copy of the whole
   * request is the cheapest way to headers that can be set.
   */
  readonly request: Request
  /** Mesh hops the request has made before this one. */
  readonly hops: number
  /** How long the caller still waits, when it said so. */
  readonly remainingMs: number | undefined
  /** The request is an attempt of a hop that retries by itself. */
  readonly nested: boolean
  /** What the calling service says its request is worth. */
  readonly priority: Priority
  readonly traceparent: string | null
  /** The revision that the chain is to be served by at least, and what the public shows for it. */
  readonly floor: number
  readonly consistency: string | undefined
  /** Where the request says it is from: which of it is believed is the gateway's to say. */
  readonly from: AddressClaims
  /** Whether the sender asked how the mesh decided, and may. */
  readonly debug: boolean
  /** The ticket with which he asks what was received of him, still to be checked. */
  readonly probe: string | undefined
}

export function canonicalise(
  request: Request,
  entrance: Entrance,
  mesh: Pick<Mesh, "surroundings" | "mayDebug">,
): CanonicalRequest | Refusal {
  // Headers are read from the copy: to look at those of the original costs as much as to copy them.
  const { method, url } = request
  const copy = new Request(request)
  const { headers } = copy
  const admitted = admit({ method, url, headers }, entrance.at, mesh.surroundings)
  if ("refusal" in admitted) return admitted
  const { address, hops, remainingMs, nested, priority, floor, consistency, from, probe } = admitted

  const traceparent = traceparentOf(headers, admitted.mayHaveB3)
  const debug = headers.has(HEADER.debug) && mesh.mayDebug(entrance)
  cleanse(headers, admitted)
  const { scheme, host, port, path, rawQuery } = address
  return {
    method,
    scheme,
    host,
    port,
    path,
    rawQuery,
    request: isWrittenAs(url, address) ? copy : withUrl(copy, address),
    hops,
    remainingMs,
    nested,
    priority,
    traceparent,
    floor,
    consistency,
    debug,
    from,
    probe,
  }
}

/** The same request, addressed elsewhere. */
export function withUrl(request: Request, address: Address): Request {
  const moved = new Request(urlOf(address), request)
  if (moved.headers.has("host")) moved.headers.set("host", authorityOf(address))
  return moved
}
