/**
 * What people write. A document declares resources by kind and name; applying it adds or replaces those resources and
 * leaves all others alone. Durations are written as `"250ms"`, `"2s"`, `"1m30s"` (Gateway API: GEP-2257).
 *
 *   services:
 *     storefront: {}                    # the proxy's binding STOREFRONT
 *     orders:
 *       subsets: { v1: {}, v2: {} }     # bindings ORDERS_V1 and ORDERS_V2
 *   routes:
 *     shop:
 *       hosts: [shop.example.com]
 *       rules:
 *         - backends: [{ service: storefront }]
 *     orders:
 *       service: orders
 *       rules:
 *         - backends: [{ service: orders, subset: v1, weight: 90 }, { service: orders, subset: v2, weight: 10 }]
 */

import type { AccessPolicyDocument } from "./access-document.ts"
import type { ReceiverDocument, SloDocument } from "./alerting-document.ts"
import type { AuthenticationDocument } from "./authentication-document.ts"
import type { ProtectionDocument } from "./breaker-document.ts"
import type { EndpointDocument, ListedEndpointDocument } from "./endpoint-document.ts"
import type { GatewayDocument } from "./gateway-document.ts"
import type { HealthDocument } from "./health-document.ts"
import type { MatchDocument } from "./match-document.ts"
import type { RedirectDocument, RewriteDocument } from "./rewrite-document.ts"
import type { UpstreamDocument } from "./upstream-document.ts"
import type { Priority } from "./upstream-policy.ts"

export interface MeshDocument {
  /** Where the names of this document live. Default `default`. */
  namespace?: string
  services?: { [name: string]: ServiceDocument }
  gateways?: { [name: string]: GatewayDocument }
  routes?: { [name: string]: RouteDocument }
  authentication?: { [name: string]: AuthenticationDocument }
  policies?: { [name: string]: AccessPolicyDocument }
  /** What is promised of services and routes; what is not kept becomes an alert. */
  slos?: { [name: string]: SloDocument }
  /** Who hears of alerts. */
  receivers?: { [name: string]: ReceiverDocument }
}

/** Without any endpoint and subset, the service is reached through the proxy's binding named after it: `ORDERS`. */
export interface ServiceDocument extends EndpointDocument, UpstreamDocument, ProtectionDocument {
  /** Several places that serve the same; excludes `binding`, `url` and `worker` beside it. */
  endpoints?: ListedEndpointDocument[]
  /** Labelled parts: versions, canaries. An empty subset `v2` of `orders` is reached through the binding `ORDERS_V2`. */
  subsets?: { [name: string]: SubsetDocument }
  /** Names of Kubernetes Services that lead here: `namespace/name`, or `namespace/name:port`. For routes of the Gateway API. */
  aliases?: string[]
  /** What the mesh asks each endpoint by itself; one that does not answer well is left out. */
  health?: HealthDocument
}

export interface SubsetDocument extends EndpointDocument {
  endpoints?: ListedEndpointDocument[]
  /** Names of Kubernetes Services that lead here: `namespace/name`, or `namespace/name:port`. For routes of the Gateway API. */
  aliases?: string[]
}

export interface RouteDocument {
  /** Hostnames of public traffic: exact, `*.suffix`, or `*`. */
  hosts?: string[]
  /** Gateways that the hosts are served by; `name`, `namespace/name` or `name#listener`. Default: the built-in one. */
  gateways?: string[]
  /** A service (or several) whose traffic inside the mesh this route takes: `name` or `namespace/name`. */
  service?: string
  services?: string[]
  order?: "specific" | "listed"
  rules: RuleDocument[]
}

export interface RuleDocument {
  name?: string
  /** Any of these; without, every request. `match` is short for a single one. */
  match?: MatchDocument
  matches?: MatchDocument[]
  filters?: FilterDocument[]
  backends?: BackendDocument[]
  /** A route without hosts and service of its own, whose rules take over below this one's path prefix: `name` or `namespace/name`. */
  delegate?: string
  /** Which requests get the same backend; without, every request throws the dice anew. */
  sticky?: StickyDocument
  timeout?: string
  attemptTimeout?: string
  /** Silence within a streamed answer after which it breaks off. */
  idleTimeout?: string
  retry?: RetryDocument
  /** All of them must let a request through. */
  rateLimits?: RateLimitDocument[]
  /** What goes first when a service has no places left. Without: what the calling service says, else `default`. */
  priority?: Priority
  /** Paths may hold `%2F`, a character of its segment. Refused where an access policy that covers the rule goes by paths. */
  encodedSlashes?: "keep"
  /** What is recorded of the traces that begin here. Without: as much as everywhere. */
  tracing?: TracingDocument
  /** What the access log has of the rule's requests. Without: all or nothing, as `WEFT_ACCESS_LOG` says. */
  accessLog?: AccessLogDocument
}

export interface AccessLogDocument {
  /** Share of the requests, 0 to 100. Default 100. */
  percent?: number
  /** What was answered with 5xx or refused is logged, whatever the share. Default true. */
  failures?: boolean
  /** What took at least so long is logged too. */
  slowerThan?: string
  /** Request headers to add; what secrets stand under is not shown. */
  headers?: string[]
}

export interface TracingDocument {
  /** Share of the traces, 0 to 100. */
  percent: number
}

export interface RateLimitDocument {
  /** What callers read in `RateLimit` headers. Default `limit-<index>`. */
  name?: string
  requests: number
  per: string
  /** So many may come at once after a pause. Default: `requests`. */
  burst?: number
  /**
   * Requests that agree in all of these share a bucket: `caller`, `ip`, `method`, `rpc`, `key`, `claim:<name>`, `header:<name>`,
   * `cookie:<name>`, `capture:<name>`.
   */
  key?: string[]
  /**
   * Who shares the limit. `mesh` (default): all, by tokens leased ahead. `exact`: all, asked for each request. `isolate`: each
   * for itself.
   */
  scope?: "isolate" | "mesh" | "exact"
  /** Tokens that a request takes: a number, or what a header of trusted callers says. */
  cost?: number | { header: string; from: string | string[]; otherwise?: number }
  /** Counts, and refuses nothing. */
  shadow?: boolean
  /**
   * While the limiter cannot be asked: `allow` (default) lets each isolate go by the limit alone, `deny` refuses.
   */
  whenUnavailable?: "allow" | "deny"
  /** Also tell admitted requests where they stand. */
  headers?: boolean
}

/** Exactly one key. */
export interface FilterDocument {
  requestHeaders?: HeaderChangeDocument
  responseHeaders?: HeaderChangeDocument
  rewrite?: RewriteDocument
  redirect?: RedirectDocument
  respond?: { status: number; headers?: { [name: string]: string }; body?: string }
  mirror?: { service: string; subset?: string; percent?: number; credentials?: boolean }
  cors?: {
    origins: string[]
    credentials?: boolean
    methods?: string[]
    headers?: string[]
    exposeHeaders?: string[]
    maxAge?: string
  }
  fault?: { delay?: { time: string; percent?: number }; abort?: { status: number; percent?: number } }
  limits?: { bodyBytes: number }
}

export interface HeaderChangeDocument {
  set?: { [name: string]: string }
  add?: { [name: string]: string }
  remove?: string[]
  /** For headers that are not there otherwise. */
  default?: { [name: string]: string }
}

export interface BackendDocument {
  service: string
  subset?: string
  weight?: number
  filters?: FilterDocument[]
}

/**
 * Exactly one key. `header` and `cookie` name the value that decides; `chain` is the whole chain of requests, `caller` the calling
 * service; `session` sets a cookie of its own and stays with the backend even when its weight falls to 0.
 */
export interface StickyDocument {
  header?: string
  cookie?: string
  chain?: true
  caller?: true
  session?: { cookie: string; maxAge?: string }
}

export interface RetryDocument {
  attempts: number
  /** A status, a class of them, or a header of the response. Default `connect-failure` and `gateway-error`. */
  on?: (
    | number
    | "5xx"
    | "gateway-error"
    | "reset"
    | "connect-failure"
    | "attempt-timeout"
    | "retriable-4xx"
    | { header: string; value?: string }
  )[]
  backoff?: string
  /** Also requests that may act twice, and RPC calls. */
  unsafe?: boolean
  /** Also inside another hop's attempt. By default only the first hop of a chain retries. */
  nested?: boolean
  /** A further attempt beside one that takes longer than this; the first good answer wins. */
  hedge?: { after: string; max?: number }
}

/** A named thing of the mesh as it was written: the unit of apply, diff, get and delete. */
export interface Resource {
  /** `Service`, `Gateway`, `Route`, `Authentication`, or a dialect's kind such as `HTTPRoute`. */
  readonly kind: string
  readonly namespace: string
  readonly name: string
  /** As written, for instance a `RouteDocument`. */
  readonly spec: unknown
  /** The revision that first held it. */
  readonly since: number
}

/** A document with where it came from, so that problems can name the file. */
export interface SourcedDocument {
  /** The file's name, `-` for standard input. */
  readonly source: string
  readonly content: unknown
  /** Where in the text a path stands; known to who read the text, and lost when the document crosses a boundary. */
  readonly locate?: (path: string) => { readonly line: number; readonly column: number } | undefined
}

/** One resource's fate. `before` and `after` are specs as written. */
export interface Change {
  readonly action: "add" | "change" | "remove"
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly before?: unknown
  readonly after?: unknown
}

/**
 * What became of one part of an object that is written in another system's language. In Kubernetes' words, where it has some:
 * `condition` is the condition's type, `reason` its reason.
 */
export interface Note {
  /** The resource's kind, or the object's own where it is no resource of the mesh. */
  readonly kind: string
  readonly namespace: string
  readonly name: string
  /** In the object: `spec.rules[0].filters[1]`; empty for the whole of it. */
  readonly path: string
  /**
   * `ignored`: it says nothing to a mesh, and nothing is missing without it. `unsupported`: it asks for what this mesh cannot do.
   * `invalid`: it contradicts itself, or points at what is not there or may not be used.
   */
  readonly outcome: "applied" | "ignored" | "unsupported" | "invalid"
  readonly condition: string
  readonly reason: string
  readonly message: string
}
