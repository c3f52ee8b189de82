/**
 * Who a request comes from, as far as it was established. The stage `authenticate` fills this in; policies, rate limits, routes
 * and the access log read it. What somebody claimed to be and could not prove is never in here: such a request is refused.
 */
import type { ServiceId } from "./names.ts"

/** Absent means that nobody claimed to be somebody. */
export interface Principals {
  /** The calling service; public traffic has none. */
  readonly caller: ServiceId | undefined
  /** The end user, from a verified token. */
  readonly user: EndUser | undefined
  /** Whoever holds the API key that the request carries. */
  readonly key: KeyHolder | undefined
  /**
   * The public client's address as the edge tells it, or as trusted peers forward it; undefined inside the mesh unless a trusted
   * hop carried it.
   */
  readonly address: string | undefined
}

export interface EndUser {
  /** `iss`. */
  readonly issuer: string
  /** `sub`; "" where the token has none. Istio's request principal is `<issuer>/<subject>`, and there is none without a subject. */
  readonly subject: string
  /** `aud`, always as a list. */
  readonly audiences: readonly string[]
  /** `azp`. */
  readonly presenter: string | undefined
  /** The whole payload. */
  readonly claims: Claims
}

/** Objects without prototypes, all the way down: only what the token says is there. */
export interface Claims {
  readonly [name: string]: Claim
}

export type Claim = string | number | boolean | null | readonly Claim[] | Claims

export interface KeyHolder {
  /** The key's own name, not its secret. */
  readonly id: string
  readonly owner: string
  readonly scopes: readonly string[]
}
