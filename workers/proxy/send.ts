/** Stage `send`: one request to one endpoint, and what comes back. */
import { type Address, urlAt } from "#shared/exchange/address.ts"
import { disguisedIn, droppedFromAnswer } from "#shared/identity/headers.ts"
import { type Refusal, refuse } from "#shared/model/refusal.ts"
import type { Endpoint } from "#shared/model/service.ts"
import type { Destination } from "./mesh.ts"
import { Unidentified } from "./reach.ts"

/** What leaves the mesh: the canonical request after all filters. */
export interface Outgoing {
  request: Request
  readonly address: Address
  /** The path and query, for endpoints that have an origin of their own. */
  readonly target: string
  /** The body, when it was kept so that the request can be sent again. */
  body: ArrayBuffer | undefined
  /** Ends the request from within: its body turned out too large, or its sender broke it off. */
  signal: AbortSignal | undefined
}

/** Why a request was ended from within. */
export class BodyTooLarge extends Error {
  override readonly name = "BodyTooLarge"
}

export class BodyBroken extends Error {
  override readonly name = "BodyBroken"
}

const VERSION_OVERRIDES = "Cloudflare-Workers-Version-Overrides"

/** Redirects are the caller's to follow; an exception of the upstream or of the way there is `upstream_unreachable`. */
export async function send(
  destination: Destination,
  endpoint: Endpoint,
  outgoing: Omit<Outgoing, "address">,
  timeout?: AbortSignal,
): Promise<Response | Refusal> {
  const signal = timeout && outgoing.signal ? AbortSignal.any([timeout, outgoing.signal]) : (timeout ?? outgoing.signal)
  try {
    const request = requestFor(endpoint, outgoing)
    const response = await (signal ? destination.fetch(request, { signal }) : destination.fetch(request))
    // 101 without a WebSocket, or a status outside HTTP's range, cannot be passed on as a response.
    if (!isDeliverable(response)) return refuse("upstream_invalid", "the upstream's status is not one of HTTP")
    // A service of the mesh rarely passes on the headers of another connection; when it does, they end here too.
    return endpoint.kind === "url" || response.headers.has("connection") ? cleaned(response, endpoint) : response
  } catch (error) {
    if (outgoing.signal?.aborted) {
      const isLarge = outgoing.signal.reason instanceof BodyTooLarge
      return isLarge ? refuse("body_too_large") : refuse("bad_request", "the request's body ended early")
    }
    if (error instanceof Unidentified) return refuse("identity_unavailable")
    return refuse("upstream_unreachable", "the upstream failed before it answered")
  }
}

function requestFor(endpoint: Endpoint, { request, target, body }: Omit<Outgoing, "address">): Request {
  const fresh = body === undefined ? request : new Request(request, { body })
  if (endpoint.kind === "url") {
    const moved = new Request(urlAt(endpoint.url, target), fresh)
    moved.headers.delete("host")
    for (const name of disguisedIn(moved.headers)) moved.headers.delete(name)
    return moved
  }
  if (endpoint.kind === "dispatch" || !endpoint.version) return fresh
  const headers = new Headers(fresh.headers)
  headers.set(VERSION_OVERRIDES, `${endpoint.version.worker}="${endpoint.version.versionId}"`)
  return new Request(fresh, { headers })
}

/** A service of the mesh may hand on what the mesh told it; a server outside has nothing to say in the mesh's name. */
function cleaned(response: Response, { kind }: Endpoint): Response {
  const dropped = response.webSocket ? [] : droppedFromAnswer(response.headers, kind === "url")
  if (dropped.length === 0) return response
  const clean = new Response(response.body, response)
  for (const name of dropped) clean.headers.delete(name)
  return clean
}

function isDeliverable(response: Response): boolean {
  const { status } = response
  return status === 101 ? response.webSocket !== null : status >= 200 && status <= 599
}
