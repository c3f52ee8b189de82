/**
 * A route: which requests it takes, what it does to them, and where it sends them. Resolved form: every default is
 * filled in, every name is an id that exists, every duration is in milliseconds.
 */

import type { GatewayId, Namespace, RouteId, RuleId, ServiceId, SubsetName } from "./names.ts"
import type { RetryPolicy, Timeouts } from "./policy.ts"
import type { RateLimit } from "./rate-limit.ts"
import type { Priority } from "./upstream-policy.ts"

export interface Route {
  readonly id: RouteId
  /** Where the route is attached. A request reaches a route's rules only through one of its attachments. */
  readonly attachments: readonly Attachment[]
  /**
   * `specific`: of all matches of all routes on one host the most specific one wins (Gateway API: HTTPRoute precedence).
   * `listed`: the first match in written order wins (Istio, Envoy). Routes that share a host agree on it.
   */
  readonly order: "specific" | "listed"
  /** The revision that first held this route: the older route wins a tie (Gateway API: creationTimestamp). */
  readonly since: number
  readonly rules: readonly Rule[]
}

export type Attachment =
  /** Public traffic that enters through a gateway's listener, for one hostname: exact, `*.suffix`, or `*` for any. */
  | { readonly to: "gateway"; readonly gateway: GatewayId; readonly listener?: string; readonly hostname: string }
  /**
   * Traffic inside the mesh that addresses a service (GAMMA: parentRef of kind Service). A producer route (`consumers`
   * absent) holds for every caller; a consumer route only for callers of that namespace, and for them it replaces the
   * producer routes. With a `port` only requests to that port of the service's address, beside the routes that name none.
   */
  | {
      readonly to: "service"
      readonly service: ServiceId
      readonly consumers?: Namespace
      readonly port?: number
    }

export interface Rule {
  readonly id: RuleId
  /** At least one; a rule takes a request when any of its matches does. */
  readonly matches: readonly Match[]
  readonly filters: readonly Filter[]
  /** May be empty when a filter answers by itself (redirect, respond); otherwise an empty list answers 500. */
  readonly backends: readonly Backend[]
  /** Absent: each request throws the dice of the split anew. */
  readonly sticky?: Sticky
  readonly timeouts: Timeouts
  readonly retry: RetryPolicy | undefined
  /** Absent: none. All must let a request through. */
  readonly rateLimits?: readonly RateLimit[]
  /** Absent: what the calling service says, else `default`. */
  readonly priority?: Priority
}

/**
 * Which requests get the same backend of a split. By a value of the request: equal values take equal places on the scale of the
 * weights, at every rule alike, so that one user, or one chain of requests, is on the canary side of all splits or of none. A
 * request without the value throws the dice.
 */
export type Sticky =
  | { readonly by: "header" | "cookie"; readonly name: string }
  /** The whole chain that the request belongs to, by its trace id. */
  | { readonly by: "chain" }
  | { readonly by: "caller" }
  /**
   * A session: the first answer sets a cookie that names the backend, and requests with it stay there, even when its weight
   * falls to 0 (Gateway API: SessionPersistence). Absent `maxAgeSeconds`: for as long as the browser keeps the session.
   */
  | { readonly by: "session"; readonly cookie: string; readonly maxAgeSeconds?: number }

/** All conditions must hold. An absent condition holds for every request. */
export interface Match {
  readonly path?: PathMatch
  /** Upper-case method; `GET` does not match `HEAD` (Gateway API). */
  readonly method?: string
  /** Header names are lower-case. */
  readonly headers: readonly ValueMatch[]
  /** Query parameter names are case-sensitive; of a repeated parameter the first value counts (Gateway API). */
  readonly query: readonly ValueMatch[]
  readonly cookies: readonly ValueMatch[]
  /** Calling services; public traffic has no caller and never matches. */
  readonly from?: readonly ServiceId[]
  /** RPC method name, or a glob with `*`. A match with an RPC method takes RPC calls only. */
  readonly rpc?: string
  /** Share of requests, 0 to 100, by the exchange's own dice: the other conditions hold and this share is taken. */
  readonly percent?: number
}

export type PathMatch =
  /** The whole canonical path, case-sensitive. */
  | { readonly kind: "exact"; readonly value: string }
  /** Whole leading segments: `/v2` takes `/v2`, `/v2/` and `/v2/x`, not `/v2x` (Gateway API: PathPrefix). */
  | { readonly kind: "prefix"; readonly value: string }
  /** `/users/{id}/orders/{rest=**}`: `{name}` and `*` take one segment, `{name=**}` and `**` take the rest. */
  | { readonly kind: "template"; readonly value: string }
  /** RE2 syntax, matched against the whole path. */
  | { readonly kind: "regex"; readonly value: string }

/** A condition on a named value that may be absent, empty or repeated. */
export interface ValueMatch {
  readonly name: string
  readonly test: ValueTest
  /** Turns the condition around: it holds when the test does not. */
  readonly negate?: boolean
}

export type ValueTest =
  | { readonly kind: "exact"; readonly value: string }
  | { readonly kind: "prefix"; readonly value: string }
  | { readonly kind: "suffix"; readonly value: string }
  | { readonly kind: "contains"; readonly value: string }
  | { readonly kind: "regex"; readonly value: string }
  | { readonly kind: "present" }
  | { readonly kind: "absent" }

/** A change to a request or a response, or an answer of the mesh's own. */
export type Filter =
  | { readonly kind: "requestHeaders"; readonly change: HeaderChange }
  | { readonly kind: "responseHeaders"; readonly change: HeaderChange }
  | { readonly kind: "rewrite"; readonly rewrite: Rewrite }
  | { readonly kind: "redirect"; readonly redirect: Redirect }
  | { readonly kind: "respond"; readonly respond: DirectResponse }
  | { readonly kind: "mirror"; readonly mirror: Mirror }
  | { readonly kind: "cors"; readonly cors: Cors }
  | { readonly kind: "fault"; readonly fault: Fault }
  | { readonly kind: "limits"; readonly limits: RequestLimits }

/** Applied in this order: remove, set, add. Names are lower-case. */
export interface HeaderChange {
  readonly set: readonly Header[]
  readonly add: readonly Header[]
  readonly remove: readonly string[]
}
export interface Header {
  readonly name: string
  readonly value: string
}

export type PathChange =
  | { readonly kind: "full"; readonly value: string }
  /** Replaces the prefix that the rule's path match took, by whole segments. */
  | { readonly kind: "prefix"; readonly value: string }
  /** Fills the captures of the rule's path template: `/v2/users/{id}`. */
  | { readonly kind: "template"; readonly value: string }

export interface Rewrite {
  readonly host?: string
  readonly path?: PathChange
}

export interface Redirect {
  readonly scheme?: "http" | "https"
  readonly host?: string
  /** Absent: the scheme's own port when `scheme` is set, else the listener's (Gateway API). */
  readonly port?: number
  readonly path?: PathChange
  readonly status: 301 | 302 | 303 | 307 | 308
}

export interface DirectResponse {
  /** 200 to 599. */
  readonly status: number
  readonly headers: readonly Header[]
  readonly body: string
}

export interface Mirror {
  readonly backend: BackendRef
  /** 0 to 100, with fractions. */
  readonly percent: number
}

/** Gateway API: HTTPCORSFilter. */
export interface Cors {
  /** Origins: `*`, exact (`https://a.test`), or with one `*` as the leftmost part of the host (`https://*.a.test`). */
  readonly origins: readonly string[]
  readonly credentials: boolean
  /** Methods or `*`. */
  readonly methods: readonly string[]
  /** Header names or `*`. */
  readonly headers: readonly string[]
  readonly exposeHeaders: readonly string[]
  readonly maxAgeSeconds: number
}

export interface Fault {
  /** Delay first, then abort; each by its own throw of the dice. */
  readonly delay?: { readonly ms: number; readonly percent: number }
  readonly abort?: { readonly status: number; readonly percent: number }
}

export interface RequestLimits {
  readonly bodyBytesMax: number
}

export interface BackendRef {
  readonly service: ServiceId
  readonly subset?: SubsetName
}

export interface Backend extends BackendRef {
  /** Share = weight / sum of weights; 0 = none. 0 to 1,000,000. */
  readonly weight: number
  readonly filters: readonly Filter[]
  /** Set when the reference may not be used: the backend keeps its share and answers 500 for it (Gateway API). */
  readonly invalid?: "service_not_found" | "subset_not_found" | "reference_not_granted" | "kind_not_supported"
}

/** A way in for public traffic. */
export interface Gateway {
  readonly id: GatewayId
  readonly listeners: readonly Listener[]
}

export interface Listener {
  readonly name: string
  /** Exact, `*.suffix`, or absent for every host. */
  readonly hostname?: string
  /** Absent: every port. */
  readonly port?: number
  readonly protocol?: "http" | "https"
}
