/**
 * Who calls, towards upstreams outside the mesh: a signed token in the shape of a JWT-SVID (SPIFFE), for one upstream and a short
 * time. Inside the mesh nobody needs one: the platform vouches for the callers' bindings.
 */

/** How a URL endpoint is told who calls. */
export interface EndpointIdentity {
  /** Whom the token is for; `aud`. */
  readonly audience: string
  /** The lower-case header that it travels in; `authorization` has it as a bearer token. */
  readonly header: string
  /** What becomes of a request when no token can be had. */
  readonly whenUnavailable: "deny" | "allow"
}

/** Who calls, below the mesh's name: `default/storefront`, or of public traffic `infra/gateway/web`. */
export type Workload = string

/** Of checks that the mesh makes by itself. */
export const HEALTH_WORKLOAD: Workload = "-/health"

/** `next` is published and does not sign yet, `retired` signs no more and is still published. */
export type KeyPhase = "next" | "signing" | "retired"
