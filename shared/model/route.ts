/**
 * A route: which requests it takes, what it does to them, and where it sends them. Resolved form: every default is
 * filled in, every name is an id that exists, every duration is in milliseconds.
 */

import type { GatewayId, Namespace, RouteId, RuleId, ServiceId, SubsetName } from "./names.ts"
import type { RetryPolicy, Timeouts } from "./policy.ts"
import type { RateLimit } from "./rate-limit.ts"
import type { PathChange, Rewrite } from "./rewrite.ts"
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
  /** The escape %2F in a path is a character of its segment. Absent: such a path is refused. */
  readonly encodedSlashes?: "keep"
  /** Absent: as the mesh does. */
  readonly tracing?: { readonly percent: number }
  readonly accessLog?: AccessLogPolicy
}

export interface AccessLogPolicy {
  /** Share of the exchanges that are logged, 0 to 100. */
  readonly percent: number
  /** Those that were answered with 5xx or refused are logged, whatever the share. */
  readonly failures: boolean
  /** Those that took at least so long too. */
  readonly slowerThanMs?: number
  /** Lower-case names of request headers that stand in the log; absent: none. */
  readonly headers?: readonly string[]
}

/**
 * Which requests get the same backend of a split. By a value of the request: equal values take equal places on the scale of the
 * weights, at every rule alike, so that one user, or one chain of requests, is on the canary side of all splits or of none. A
 * request without the value throws the dice.
 */
export type Sticky =
  /** By the value of a header, or of a cookie. */
  | { readonly by: "header" | "cookie"; readonly name: string }
  /** The whole chain that the request belongs to, by its trace id. */
  | { readonly by: "chain" }
  /** By the calling service. */
  | { readonly by: "caller" }
  /**
   * A session: the first answer sets a cookie that names the backend, and requests with it stay there, even when its weight
   * falls to 0 (Gateway API: SessionPersistence). Without an age: for as long as the browser keeps the session.
   */
  | { readonly by: "session"; readonly cookie: string; readonly maxAgeSeconds?: number }

/** All conditions must hold. An absent condition holds for every request. */
export interface Match {
  /** The canonical path, without query. Conditions on it are written in canonical form too; another form could never match. */
  readonly path?: PathMatch
  /** Upper-case method; `GET` does not match `HEAD` (Gateway API). */
  readonly method?: string
  /** By name, in any case. A repeated header is one list: a condition holds for the whole line, or for any one of its values. */
  readonly headers: readonly ValueMatch[]
  /** Query parameter names are case-sensitive; of a repeated parameter the first value counts (Gateway API). */
  readonly query: readonly ValueMatch[]
  /** Cookie names are case-sensitive; of a repeated cookie the first value counts. */
  readonly cookies: readonly ValueMatch[]
  /**
   * Claims of the end user's verified token, by the way to them (`sub`, `realm_access.roles`). Of a list, a condition holds for any one
   * of its values. Nobody who was not authenticated has any. Absent: no condition.
   */
  readonly claims?: readonly ValueMatch[]
  /** Calling services; public traffic has no caller and never matches. */
  readonly from?: readonly ServiceId[]
  /** Networks of the public client's address, as the gateway knows it; inside the mesh nobody has one. */
  readonly addresses?: readonly string[]
  /** From this moment on, by the clock of where the request is served. */
  readonly afterMs?: number
  /** Until this moment, which is no part of it. */
  readonly beforeMs?: number
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
  /** The whole value, case-sensitive. */
  | { readonly kind: "exact"; readonly value: string }
  /** What the value begins with. */
  | { readonly kind: "prefix"; readonly value: string }
  /** What the value ends with. */
  | { readonly kind: "suffix"; readonly value: string }
  /** What the value has somewhere. */
  | { readonly kind: "contains"; readonly value: string }
  /** RE2 syntax, matched against the whole value. */
  | { readonly kind: "regex"; readonly value: string }
  /** There is a value, be it empty. */
  | { readonly kind: "present" }
  /** There is none. */
  | { readonly kind: "absent" }

/** A change to a request or a response, or an answer of the mesh's own. */
export type Filter =
  /** Changes headers on the way to the backend. */
  | { readonly kind: "requestHeaders"; readonly change: HeaderChange }
  /** Changes headers on the way back. */
  | { readonly kind: "responseHeaders"; readonly change: HeaderChange }
  /** Sends the request to another host or path than it was addressed to; the caller does not see it. */
  | { readonly kind: "rewrite"; readonly rewrite: Rewrite }
  /** Answers that the thing is elsewhere. */
  | { readonly kind: "redirect"; readonly redirect: Redirect }
  /** Answers by itself. */
  | { readonly kind: "respond"; readonly respond: DirectResponse }
  /** Sends a copy to another backend, whose answer nobody waits for. May stand several times. */
  | { readonly kind: "mirror"; readonly mirror: Mirror }
  /** Answers preflights of browsers, and allows origins to read the response. */
  | { readonly kind: "cors"; readonly cors: Cors }
  /** Delays and fails requests on purpose, to see what callers do. */
  | { readonly kind: "fault"; readonly fault: Fault }
  /** Refuses requests that are too large. */
  | { readonly kind: "limits"; readonly limits: RequestLimits }

/** Applied in this order: remove, set, add, default. Names are lower-case. */
export interface HeaderChange {
  /** Replaces all values of the header. */
  readonly set: readonly Header[]
  /** Keeps the values that are there. */
  readonly add: readonly Header[]
  /** Takes the header away. */
  readonly remove: readonly string[]
  /** For a header that is not there otherwise (Envoy: ADD_IF_ABSENT). */
  readonly default?: readonly Header[]
}

export interface Header {
  readonly name: string
  readonly value: string
}

export interface Redirect {
  /** Absent: the request's. */
  readonly scheme?: "http" | "https"
  /** Absent: the request's. */
  readonly host?: string
  /** Absent: the scheme's own port when `scheme` is set, else the listener's (Gateway API). */
  readonly port?: number
  /** Absent: the request's. */
  readonly path?: PathChange
  /** Absent: the request's, unless the path brings its own. Without "?"; an empty one is none. */
  readonly query?: string
  /** 302 where nothing is written. */
  readonly status: 301 | 302 | 303 | 307 | 308
}

export interface DirectResponse {
  /** 200 to 599. */
  readonly status: number
  /** By name. */
  readonly headers: readonly Header[]
  /** Text. */
  readonly body: string
}

export interface Mirror {
  /** A service, and a subset of it if need be. */
  readonly backend: BackendRef
  /** 0 to 100, with fractions. */
  readonly percent: number
  /** The copy keeps `authorization` and `cookie`. */
  readonly credentials?: true
}

/** Gateway API: HTTPCORSFilter. */
export interface Cors {
  /** Origins: `*`, exact (`https://a.test`), or with one `*` as the leftmost part of the host (`https://*.a.test`). */
  readonly origins: readonly string[]
  /** Whether browsers may send cookies and credentials, and let pages read the answer then. */
  readonly credentials: boolean
  /** Methods or `*`. */
  readonly methods: readonly string[]
  /** Header names or `*`. */
  readonly headers: readonly string[]
  /** What pages may read of the response's headers: names or `*`. */
  readonly exposeHeaders: readonly string[]
  /** How long browsers may remember a preflight's answer; 5 s where nothing is written. */
  readonly maxAgeSeconds: number
}

export interface Fault {
  /** Delay first, then abort; each by its own throw of the dice. */
  readonly delay?: { readonly ms: number; readonly percent: number }
  /** Answered with this status, as the refusal `fault_injected`. */
  readonly abort?: { readonly status: number; readonly percent: number }
}

export interface RequestLimits {
  /** A declared length is judged at once, another body is counted on its way. */
  readonly bodyBytesMax: number
}

export interface BackendRef {
  /** `name` or `namespace/name`. */
  readonly service: ServiceId
  /** Absent: the service's own endpoints. */
  readonly subset?: SubsetName
}

export interface Backend extends BackendRef {
  /** Share = weight / sum of weights; 0 = none. 0 to 1,000,000. */
  readonly weight: number
  /** Only `requestHeaders`, `responseHeaders` and `rewrite`: the others hold for a whole rule. */
  readonly filters: readonly Filter[]
  /** Set when the reference may not be used: the backend keeps its share and answers 500 for it (Gateway API). */
  readonly invalid?: "service_not_found" | "subset_not_found" | "reference_not_granted" | "kind_not_supported"
}

/** A way in for public traffic. */
export interface Gateway {
  readonly id: GatewayId
  readonly listeners: readonly Listener[]
  /** Absent: the edge's word alone. */
  readonly clientAddress?: ClientAddress
}

/** Whose word on the public client's address is taken when proxies of one's own stand before the edge. */
export interface ClientAddress {
  readonly header: "x-forwarded-for" | "forwarded"
  readonly trust: /** So many proxies, each of which appends whom it talked to. */
    | { readonly by: "hops"; readonly hops: number }
    /** Proxies in these networks. */
    | { readonly by: "peers"; readonly networks: readonly string[] }
}

export interface Listener {
  readonly name: string
  /** Exact, `*.suffix`, or absent for every host. */
  readonly hostname?: string
  /** Absent: every port. */
  readonly port?: number
  readonly protocol?: "http" | "https"
}
