/**
 * The control API as data: what the CLI, the dashboard and the control Worker say to one another.
 * Every response carries `ETag: "<head revision>"` where it depends on the head.
 *
 *   GET    /healthz                                  open; everything else needs `Authorization: Bearer <token>`
 *   GET    /openapi.json, /reference                 viewer
 *   GET    /v1/schema.json                           viewer    JSON Schema of a document, for editors
 *   GET    /v1/whoami                                viewer    -> WhoAmI
 *   POST   /v1/plan                                  viewer    ApplyRequest -> Plan            (dry run; nothing is written)
 *   POST   /v1/preview                               viewer    ApplyRequest -> Preview          (preview.ts; nothing is sent or written)
 *   POST   /v1/apply                                 operator  ApplyRequest -> Applied         If-Match, Idempotency-Key, Weft-Confirm
 *   POST   /v1/rollback                              operator  RollbackRequest -> Applied      If-Match, Idempotency-Key, Weft-Confirm
 *   GET    /v1/rollout                               viewer    -> RolloutView                   (the guarded apply under way, or the last)
 *   POST   /v1/rollout                               operator  EndRollout -> RolloutView
 *   GET    /v1/revisions?before=&limit=              viewer    -> RevisionList
 *   GET    /v1/revisions/{revision|head}             viewer    -> RevisionDetail
 *   GET    /v1/revisions/{revision|head}/convergence viewer    -> RevisionConvergence            (convergence.ts)
 *   GET    /v1/diff?from=&to=                        viewer    -> Plan                          (revision 0 is the empty mesh)
 *   GET    /v1/resources?kind=&namespace=&name=&revision=   viewer    -> ResourceList
 *   DELETE /v1/resources/{kind}/{namespace}/{name}   operator  -> Applied                      If-Match, Idempotency-Key, Weft-Confirm
 *   POST   /v1/explain                               viewer    ExplainRequest -> Explained      (explain.ts; nothing is sent)
 *   GET    /v1/status                                viewer    -> Status
 *   GET    /v1/breakers                              viewer    -> BreakerList
 *   POST   /v1/breakers                              operator  ForceBreaker -> BreakerStatus
 *   GET    /v1/stats?by=&window=&points=&from=&to=   viewer    -> Stats
 *   GET    /v1/vitals                                viewer    -> Vitals                        (vitals.ts)
 *   GET    /v1/traces/{id}                           viewer    -> Trace
 *   GET    /v1/tap?from=&to=&route=&status=&…        operator  WebSocket of TapMessage           (model/tap.ts)
 *   GET    /metrics                                  metrics   Prometheus text, or OpenMetrics by Accept
 *   GET    /v1/alerts                                viewer    -> AlertList                     (alerts.ts)
 *   POST   /v1/alerts/silences                       operator  NewSilence -> Silence
 *   DELETE /v1/alerts/silences/{id}                  operator  -> 204
 *   POST   /v1/alerts/acknowledge                    operator  NewAcknowledgement -> Acknowledged
 *   GET    /v1/identity/keys                         viewer    -> SigningKeyList
 *   POST   /v1/identity/rotate                       admin     { revoke? } -> SigningKeyList
 *   GET    /.well-known/jwks.json                    open      the public keys of workload identity (RFC 7517)
 *   GET    /v1/tokens                                admin     -> TokenList
 *   POST   /v1/tokens                                admin     NewToken -> TokenCreated
 *   DELETE /v1/tokens/{name}                         admin     -> 204
 *   GET    /v1/keys                                  viewer    -> ApiKeyList                    (api-keys.ts)
 *   POST   /v1/keys                                  operator  NewApiKey -> ApiKeyCreated
 *   DELETE /v1/keys/{id}                             operator  -> 204
 *   GET    /v1/audit?before=&limit=&who=&operation=&outcome=&since=&until=   admin   -> AuditList
 *
 * A token that is limited to namespaces sees and changes only what is in them. Values that are secrets are never read back.
 *
 * Errors are RFC 9457 `application/problem+json`: 400 malformed, 401, 403, 404, 405, 408, 409 stale (head moved on too often),
 * 412 If-Match failed, 413, 415, 421 another host, 422 with `problems`, 428 with `confirm`, 429 with `Retry-After`, 503 with
 * `Retry-After`. Every answer has a `Weft-Request-Id`, which the audit log and the Worker's log have too.
 */
import type { Change, Note, Resource, SourcedDocument } from "#shared/model/document.ts"
import type { Finding, Problem } from "#shared/model/problem.ts"
import type { GuardRequest } from "#shared/model/rollout.ts"
import type { StatsBy, StatsRow } from "#shared/model/telemetry.ts"
import type { AuditEntry } from "./audit.ts"
import type { BreakerStatus } from "./breaker.ts"
import type { KeyStatus } from "./key-ring.ts"
import type { RolloutRecord } from "./rollout.ts"
import type { IsolateStatus, RevisionSummary } from "./route-table.ts"

export type { Change, Note, SourcedDocument }

/** Each may what those before it may; `metrics` may read /metrics and nothing else. */
export type Role = "metrics" | "viewer" | "operator" | "admin"

export interface ApplyRequest {
  readonly documents: readonly SourcedDocument[]
  /** Also remove every resource that the documents do not declare. */
  readonly prune?: boolean
  readonly message?: string
  /** The new revision goes out in stages, and is undone when it fares worse. */
  readonly guard?: GuardRequest
}

/** A guarded apply; `touches` and `digest` are the mesh's own business. */
export type RolloutStatus = Omit<RolloutRecord, "touches" | "digest">

export interface RolloutView {
  /** The one that is under way, or the last one. */
  readonly rollout?: RolloutStatus
}

export interface EndRollout {
  readonly action: "promote" | "undo"
  /** Only if it is this one. */
  readonly revision?: number
  readonly message?: string
}

export interface RollbackRequest {
  /** `previous`: the revision whose content came before the head's. */
  readonly to: number | "previous"
  readonly message?: string
  /** Without a second step, whatever it removes. Takes a message that says why. */
  readonly force?: boolean
}

export interface Plan {
  /** The head that the plan was made against. */
  readonly head: number
  readonly changes: readonly Change[]
  /** What became of objects that are written in another system's language; absent when there are none. */
  readonly notes?: readonly Note[]
  /** What is not wrong and yet most likely not meant, as far as the change brought it about or is about it; absent when nothing is. */
  readonly findings?: readonly Finding[]
}

export interface Applied extends Plan {
  /** The head afterwards; equals `Plan.head` when nothing changed, and then no revision was made. */
  readonly revision: number
  readonly digest: string
  /** As `weft-revision` on a public request: to be served by this revision or a newer one. Absent while there is no revision. */
  readonly consistencyToken?: string
  /** The revision whose content was restored, when this is a rollback. */
  readonly rollbackOf?: number
  /** It is under guard: only some chains go by it as yet. */
  readonly guarded?: true
}

export interface RevisionList {
  readonly revisions: readonly RevisionSummary[]
}

export interface RevisionDetail extends RevisionSummary {
  readonly resources: readonly Resource[]
}

export interface ResourceList {
  readonly revision: number
  readonly resources: readonly Resource[]
  /** Of those resources that are written in another system's language. */
  readonly notes?: readonly Note[]
}

export interface Status {
  readonly head: RevisionSummary | undefined
  /** The guarded apply that is under way: then the head is its candidate, and isolates serve its stable revision. */
  readonly rollout?: RolloutStatus
  readonly services: number
  readonly routes: number
  /** Proxy isolates that asked for routes within the last minute. */
  readonly isolates: readonly IsolateStatus[]
  /** Who hears of isolates was started just now, in some region: there may be others. */
  readonly unsure?: true
  /** The relays that the root tells of changes. */
  readonly relays: readonly RelayState[]
  /** Requests of about the last minute that were served by an older revision than they were promised. */
  readonly floorsMissed: number
  /** Bindings that services name and no isolate has. Empty while no isolate has reported. */
  readonly unbound: readonly { readonly service: string; readonly binding: string }[]
  /** Those that are not closed. */
  readonly breakers: readonly BreakerStatus[]
  /** Of services that have active health checks. */
  readonly health: readonly HealthStatus[]
}

export interface HealthStatus {
  readonly service: string
  /** Endpoints that are checked, subsets included. */
  readonly checked: number
  /** Nothing was heard of its checks for too long: nothing is avoided then. */
  readonly silent: boolean
  /** When its checks last said something; at least once a minute. */
  readonly heardAtMs?: number
  readonly unhealthy: readonly UnhealthyEndpoint[]
}

export interface UnhealthyEndpoint {
  /** `default/orders`, `default/orders/v2`. */
  readonly cluster: string
  /** A URL, or what a binding is called. */
  readonly endpoint: string
  readonly because: string
  readonly sinceMs: number
  /** Whether it gets no requests for it: not when too few endpoints of the cluster would be left. */
  readonly heeded: boolean
}

export interface RelayState {
  /** A region of the platform's, `weur`, or a share of its isolates, `weur#3`; `any` where no isolate knows its region. */
  readonly name: string
  readonly revision: number
  /** Pushes in a row that it did not take. */
  readonly failures: number
  /** It does not answer. */
  readonly silent?: true
}

/** Breakers that are not simply closed, and those that closed lately. */
export interface BreakerList {
  readonly breakers: readonly BreakerStatus[]
}

/** `open` keeps requests from a service, `closed` lets them pass whatever happens; then the breaker decides again. */
export interface ForceBreaker {
  readonly namespace: string
  readonly service: string
  readonly subset?: string
  readonly phase: "open" | "closed"
  readonly forSeconds: number
}

/** What the mesh did lately. */
export interface Stats {
  readonly by: StatsBy
  /** How long the time is that the counts are of; the window that was asked for, or up to one step more. */
  readonly spanMs: number
  /** The most requests first. */
  readonly rows: readonly StatsRow[]
  /** Shards that did not answer: what their isolates counted is missing. */
  readonly missing: readonly string[]
}

/** The keys that sign who calls, towards upstreams outside the mesh. */
export interface SigningKeyList {
  readonly keys: readonly KeyStatus[]
}

/** What a token lets its holder do. */
export interface Permission {
  readonly role: Role
  /** The only namespaces whose resources the token may read and change; absent: the whole mesh. Never empty. */
  readonly namespaces?: readonly string[]
}

export interface WhoAmI extends Permission {
  readonly name: string
  readonly expiresAtMs?: number
}

export interface TokenInfo extends Permission {
  readonly name: string
  readonly createdAtMs: number
  /** The token that made it; absent for tokens older than this field. */
  readonly createdBy?: string
  readonly expiresAtMs?: number
  readonly lastUsedAtMs?: number
}

export interface TokenList {
  readonly tokens: readonly TokenInfo[]
}

/** An admin's token is one of the whole mesh: who makes tokens could make one for every namespace. */
export interface NewToken extends Permission {
  readonly name: string
  /** Default `LIMITS.tokenLifeSecondsDefault`; `never` has to be said. */
  readonly expiresInSeconds?: number | "never"
}

/** The only time the token's secret is shown. */
export interface TokenCreated extends TokenInfo {
  readonly token: string
}

/** RFC 9457. `type` is `about:blank` or a docs link; `title` and `detail` are sentences. */
export interface ProblemDetails {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail?: string
  readonly problems?: readonly Problem[]
  /** With 409, 412 and 428: the head now. */
  readonly head?: number
  /** With 428: what would go, and what the header `Weft-Confirm` has to say for it to go. Good for this change of this head. */
  readonly confirm?: { readonly word: string; readonly removals: readonly Removal[] }
}

/** What a change takes away of one kind. */
export interface Removal {
  readonly kind: string
  readonly removed: number
  /** How many there were. */
  readonly of: number
  /** `namespace/name`, the first few. */
  readonly names: readonly string[]
}

export interface AuditList {
  /** Newest first. */
  readonly entries: readonly AuditEntry[]
}
