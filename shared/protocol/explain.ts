/** What `weft explain` asks and is told: where a described request would go, and why. Sentences are for people. */
import type { RetryPolicy, Timeouts } from "#shared/model/policy.ts"
import type { RefusalName } from "#shared/model/refusal.ts"
import type { Header } from "#shared/model/route.ts"

export interface ExplainRequest {
  readonly request: DescribedRequest
  /** Absent: the head. */
  readonly revision?: number
}

/** A request as somebody tells of it. It comes from a service when `from` is there, else from the public. */
export interface DescribedRequest {
  /** `https://shop.example.com/orders/7`; of a service's request the path is enough. Needless for an RPC call. */
  readonly url?: string
  /** Default `GET`. */
  readonly method?: string
  readonly headers?: readonly Header[]
  /** The gateway by which it comes in: `name` or `namespace/name`. Default: the built-in one. */
  readonly gateway?: string
  /** The calling service. */
  readonly from?: string
  /** The service that the caller's binding names; absent: the URL's host names it. */
  readonly to?: string
  /** The RPC method that is called. */
  readonly rpc?: string
  /** The end user of a token that it would carry. Where nothing on its way looks for tokens, nobody knows of it. */
  readonly user?: DescribedUser
  /** The API key that it would carry. */
  readonly key?: { readonly id: string; readonly owner: string; readonly scopes: readonly string[] }
  /** The public client's address, as the edge would tell it. */
  readonly address?: string
  /** The throw of the dice for percentages and weights, from 0 to below 1. Absent: all that could happen is told. */
  readonly dice?: number
}

export interface DescribedUser {
  readonly issuer: string
  readonly subject: string
  readonly audiences?: readonly string[]
  readonly presenter?: string
  readonly claims?: { readonly [name: string]: unknown }
}

export interface Explained {
  /** What it was explained by; 0 for documents that are no revision. */
  readonly revision: number
  /** The request as the mesh reads it; absent when it is refused before that. */
  readonly understood?: Understood
  /** Which gateway, listener and hostname, or which service's routes. */
  readonly place?: string
  readonly winner?: ConsideredMatch
  /** The nearest of the other matches there, and how many more there are. */
  readonly others: readonly ConsideredMatch[]
  readonly more: number
  /** Which match takes which share of such requests, where conditions on percentages decide. */
  readonly shares?: readonly MatchShare[]
  /** Who is known to ask at each place, the door first; those that no authentication covers are left out. */
  readonly authentication?: readonly ExplainedAuthentication[]
  /** Of the user or the key that was described: nothing on the way looks for it. */
  readonly unproven?: string
  /** What the access policies of the gateway say. */
  readonly access?: ExplainedAccess
  /** The rate limits that must let the request through; whether they do depends on what came before it. */
  readonly rateLimits?: readonly string[]
  /** How the split chooses, when not by the dice. */
  readonly sticky?: string
  /** What becomes of the request, a branch for each backend that it may get; empty when it is refused before. */
  readonly branches: readonly Branch[]
  readonly timeouts?: Timeouts
  readonly retry?: RetryPolicy & { readonly applies: boolean; readonly because: string }
  /** The mesh refuses the request before any backend is chosen. */
  readonly refusal?: ExplainedRefusal
}

export interface Understood {
  readonly method: string
  /** Absent for an RPC call. */
  readonly url?: string
  readonly rpc?: string
  readonly caller?: string
  readonly service?: string
  /** The sender's headers that the mesh does not take. */
  readonly dropped: readonly string[]
}

export interface ConsideredMatch {
  readonly route: string
  readonly rule: string
  readonly match: string
  /** The first condition that fails, or what it lost or won by. */
  readonly because: string
}

export interface MatchShare {
  /** 0 to 1. */
  readonly share: number
  /** Absent: no rule takes the request. */
  readonly rule?: string
  /** A throw that falls into this share. */
  readonly dice: number
}

/** Of `sends`, `answer` and `refusal` one is there. */
export interface Branch {
  /** `default/orders/v2`; absent when the rule answers by itself. */
  readonly backend?: string
  /** Of the requests that the rule takes, 0 to 1. */
  readonly share: number
  /** Whether this request gets it: by the dice that were given, or because the split sticks. */
  readonly chosen: boolean
  /** The filters in the order in which they work. */
  readonly steps: readonly FilterStep[]
  /** What the access policies of the service say. */
  readonly access?: ExplainedAccess
  readonly sends?: Sending
  readonly answer?: { readonly status: number; readonly headers: readonly Header[]; readonly body: string }
  readonly refusal?: ExplainedRefusal
}

/** What authentications say of the request at one place. */
export interface ExplainedAuthentication {
  /** `gateway default/default`, `service default/orders`. */
  readonly place: string
  readonly passes: boolean
  readonly because: string
  /** Nobody in particular may not pass. */
  readonly required: boolean
  /** The authentications that cover the place. */
  readonly by: readonly string[]
  /** Whose credentials are taken, and where in a request they are looked for. */
  readonly takes: readonly string[]
}

/** What access policies say of the request at one place; absent where none covers it. */
export interface ExplainedAccess {
  /** `gateway default/default`, `service default/orders`. */
  readonly place: string
  readonly allowed: boolean
  readonly because: string
  /** The policies whose authorizers are asked first, with these; whether they agree is for them to say. */
  readonly asks: readonly string[]
  /** The rules of audits that take it. */
  readonly audits: readonly string[]
  /** What would hold if no policy were a dry run, where that differs. */
  readonly rehearsed?: string
  /** The policies that cover the place, and how many more there are. */
  readonly policies: readonly ExplainedPolicy[]
  readonly more: number
}

export interface ExplainedPolicy {
  readonly policy: string
  readonly action: "allow" | "deny" | "audit" | "custom" | "default"
  readonly dryRun?: true
  /** Whether one of its rules takes the request. */
  readonly takes: boolean
  /** The rule that takes it, or what keeps the first ones from it. */
  readonly because: string
}

export interface FilterStep {
  readonly filter: string
  readonly of: "rule" | "backend"
  readonly on: "request" | "response"
  readonly effect: string
}

export interface Sending {
  /** The URL that the upstream sees; absent for an RPC call. */
  readonly url?: string
  readonly endpoints: readonly ReachedEndpoint[]
}

export interface ReachedEndpoint {
  /** `binding ORDERS_V2`, `https://api.example.com`. */
  readonly at: string
  /** Whether some live proxy has the binding; absent when nobody can say. */
  readonly bound?: boolean
}

export interface ExplainedRefusal {
  readonly name: RefusalName
  readonly status: number
  readonly title: string
  readonly detail?: string
}
