/**
 * Who may do what: access policies, as Istio's AuthorizationPolicy means them. All policies that cover a place are asked, in this
 * order, whatever they are called and however many they are:
 *
 *   custom   every authorizer that a rule asks must let the request pass
 *   deny     a rule that takes the request refuses it
 *   allow    when there are any, one of them must have a rule that takes the request
 *   default  when there are none: allowed, unless a default says `deny`
 *   audit    decides nothing, and is written down
 */
import type { PolicyId, ServiceId } from "./names.ts"
import type { Target } from "./target.ts"

export type AccessPolicy = RulePolicy | CustomPolicy | DefaultPolicy

interface Policy {
  readonly id: PolicyId
  readonly target: Target
}

export interface RulePolicy extends Policy {
  readonly action: "allow" | "deny" | "audit"
  /** An empty list takes no request: with `allow`, that is how everything is refused. */
  readonly rules: readonly PolicyRule[]
  /** Decides nothing; what it would have decided is written down. */
  readonly dryRun?: true
}

/** Asks an authorizer about the requests that a rule takes. */
export interface CustomPolicy extends Policy {
  readonly action: "custom"
  readonly rules: readonly PolicyRule[]
  readonly authorizer: Authorizer
}

/**
 * What holds where no policy allows anything. Of several defaults the one with the narrowest target counts: named places before
 * a namespace, that before the mesh; among equals `deny`.
 */
export interface DefaultPolicy extends Policy {
  readonly action: "default"
  readonly verdict: "allow" | "deny"
  readonly dryRun?: true
}

/** Takes a request when one of `from`, one of `to` and all of `when` do. An empty `from` or `to` takes every request. */
export interface PolicyRule {
  readonly from: readonly Conditions[]
  readonly to: readonly Conditions[]
  readonly when: Conditions
}

/** All of them must hold. */
export type Conditions = readonly Condition[]

export interface Condition {
  readonly on: Attribute
  /** At least one. Patterns: `text`, `prefix*`, `*suffix`, `*` for any value with content; each attribute's own where it says so. */
  readonly values: readonly string[]
  /** The condition holds for other values than these. */
  readonly not?: true
}

/**
 * What a condition looks at. An attribute that a request does not have (an RPC call's path, the public's service) is absent: then
 * `values` never hold, and `not` holds only in policies that refuse or ask, never in one that allows.
 */
export type Attribute =
  /** The calling service, `<namespace>/<name>`. */
  | { readonly by: "service" }
  /** The calling service's namespace. */
  | { readonly by: "namespace" }
  /** The calling service as Istio writes it: `cluster.local/ns/<namespace>/sa/<name>`, and its trust domain. */
  | { readonly by: "workload" | "trustDomain" }
  /** The gateway by which public traffic came in, `<namespace>/<name>`. */
  | { readonly by: "gateway" }
  /**
   * The end user. Patterns: `<issuer>/<subject>`, compared in these two parts, split at the last slash, so that no subject can
   * complete another issuer's name.
   */
  | { readonly by: "principal" }
  | { readonly by: "audience" | "presenter" }
  /** A claim of the end user's token, by its way down. */
  | { readonly by: "claim"; readonly path: readonly string[] }
  /** The API key's name, owner and scopes. */
  | { readonly by: "key" | "keyOwner" | "keyScope" }
  /** The public client's address. Patterns: addresses and networks. */
  | { readonly by: "address" }
  /** Lower-case and without port; a pattern with a colon is compared with host and port. */
  | { readonly by: "host" }
  /** The port that the request is addressed to. */
  | { readonly by: "port" }
  | { readonly by: "method" }
  /** The canonical path without query. Patterns as in `shared/std/path-pattern.ts`. */
  | { readonly by: "path" }
  /** The RPC method, `getOrder` or `users.get`. */
  | { readonly by: "rpc" }
  /** A header, by its lower-case name. The pattern `*` takes any value, be it empty. */
  | { readonly by: "header"; readonly name: string }
  /** What a mesh of Workers cannot know, such as the address of a peer: always absent, and in a policy that refuses taken as given. */
  | { readonly by: "unknowable" }

/** A service that is asked whether a request may pass (Envoy: ext_authz over HTTP). */
export interface Authorizer {
  readonly service: ServiceId
  /** Stands before the request's path when the authorizer is asked. Canonical, without a slash at its end; "" for none. */
  readonly pathPrefix: string
  /** Lower-case names of the request's headers that the authorizer sees; `*` for all. */
  readonly requestHeaders: readonly string[]
  /** The request's body goes along, when it has at most so many bytes; a larger one is refused. Absent: no body. */
  readonly bodyBytesMax?: number
  /** Lower-case names of the authorizer's headers that go to the upstream when it allows, in the place of the request's own. */
  readonly upstreamHeaders: readonly string[]
  /** Lower-case names of the authorizer's headers that go to the client when it refuses. */
  readonly clientHeaders: readonly string[]
  readonly timeoutMs: number
  /** What becomes of a request when the authorizer cannot be asked, is too slow, or fails. */
  readonly whenUnavailable: "allow" | "deny"
}
