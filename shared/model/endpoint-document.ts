/** Places to send to, as documents write them. */
import type { SharedEndpointDocument } from "./upstream-document.ts"

/** One place to send to: at most one of `binding`, `url`, `worker`. */
export interface EndpointDocument {
  /** Name of a service binding in the proxy's wrangler config; with `worker`, of a dispatch namespace binding. */
  binding?: string
  url?: string
  /** Tells the server at `url` who calls, by a signed token. */
  identity?: IdentityDocument
  /** Name of a binding of the proxy that presents a client certificate to the server at `url`. */
  mtls?: string
  /** Name of a Worker in the dispatch namespace `binding`. */
  worker?: string
  /** A version of the Worker with gradual deployments, for fetch only. */
  version?: { worker: string; id: string }
}

/** One of several places that serve the same. */
export interface ListedEndpointDocument extends EndpointDocument, SharedEndpointDocument {}

export interface IdentityDocument {
  /** Whom the token is for, `aud`. Default: the origin of `url`. */
  audience?: string
  /** The header that it travels in. Default `weft-identity`; in `authorization` it stands after `Bearer`. */
  header?: string
  /** What becomes of requests when no token can be had. Default `deny`. */
  whenUnavailable?: "allow" | "deny"
}
