/** Upstreams outside the mesh, by URL: whether they may be reached at all, and by which way. */
import type { Endpoint } from "#shared/model/service.ts"
import { type LocalOrigins, mayLeaveTo } from "#shared/std/egress.ts"
import type { Destination } from "./mesh.ts"

type UrlEndpoint = Extract<Endpoint, { kind: "url" }>

export class Outward {
  readonly #local: LocalOrigins
  readonly #fetchers: ReadonlyMap<string, Destination>
  /** Endpoints are those of one snapshot, and go with it. */
  readonly #known = new WeakMap<UrlEndpoint, Destination | null>()

  constructor(local: LocalOrigins, fetchers: ReadonlyMap<string, Destination>) {
    this.#local = local
    this.#fetchers = fetchers
  }

  /** Control has judged the URL too; who feeds routes to a proxy may not be control. */
  destination(endpoint: UrlEndpoint): Destination | undefined {
    let found = this.#known.get(endpoint)
    if (found === undefined) {
      found = (mayLeaveTo(endpoint.url, this.#local) && this.#wayTo(endpoint)) || null
      this.#known.set(endpoint, found)
    }
    return found ?? undefined
  }

  /** A binding with a client certificate is a way of its own: without it there is none, and not another one. */
  #wayTo({ mtls }: UrlEndpoint): Destination | undefined {
    if (mtls === undefined) return OPEN
    const certified = this.#fetchers.get(mtls)
    return certified && { fetch: (input, init) => certified.fetch(input, { ...init, redirect: "manual" }) }
  }
}

/**
 * Where an upstream redirects to is the caller's to follow: it need not be public. Requests that came in by a door already say so, and to
 * say it once more costs a copy.
 */
const OPEN: Destination = {
  fetch(input, init) {
    const isSaid = init === undefined && input instanceof Request && input.redirect === "manual"
    return isSaid ? fetch(input) : fetch(input, { ...init, redirect: "manual" })
  },
}
