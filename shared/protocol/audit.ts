/** What crosses the boundary between the control Worker and the `Audit` object: who did, or tried to do, what. Never why, never with what. */

/** The name under which a control Worker's audit log is kept: `env.AUDIT.getByName(AUDIT)`. */
export const AUDIT = "audit"

/**
 * `denied`: refused for who asked or from where. `failed`: refused for what was asked. `unknown`: begun, and nobody has said what
 * came of it; under way, or cut off.
 */
export type AuditOutcome = "done" | "failed" | "denied" | "unknown"

/** Every text is out of a closed set, or of a grammar that leaves no room for anything else. */
export interface AuditSubject {
  /** The token's name; `nobody` where there was no valid one; `guard` or `key-ring` for what the mesh did by itself. */
  readonly who: string
  /** `POST /v1/apply`: the endpoint's method and path as the API documents them; `authenticate`, `guard` before one was found. */
  readonly operation: string
  /** What it was done to: `Route default/shop`, `token ci`, `revision 7`. */
  readonly target?: string
  /** Joins the entry to the answer (`Weft-Request-Id`) and the Worker's log. */
  readonly requestId: string
  /** As the edge tells it; `unknown` where there is none; `others` where there were too many to tell apart; `mesh` for its own deeds. */
  readonly address: string
}

export interface AuditEnd {
  readonly outcome: AuditOutcome
  /** The status of the answer. */
  readonly status: number
  readonly target?: string
  /** The head afterwards, where the operation is about the mesh. */
  readonly revision?: number
  /** There was nothing to do. */
  readonly idle?: true
  /** How many exchanges or heads of requests were shown. */
  readonly shown?: number
}

/** Equal refusals within a while are one entry with a count. */
export interface Denial extends AuditSubject {
  readonly status: number
  readonly count: number
  readonly firstAtMs: number
  readonly lastAtMs: number
}

/** What the mesh did by itself, without a request: told by the object that did it, until it is heard. */
export interface Deed {
  /** The same however often it is told, and unique among all. Stands for the request's id. */
  readonly id: string
  readonly who: "guard" | "key-ring"
  readonly operation: "undo" | "promote" | "rotate" | "retire"
  readonly target: string
  /** Whose doing it concerns: who applied what the guard ends. */
  readonly onBehalfOf?: string
  /** In a word out of a closed set. */
  readonly reason: string
  readonly revision?: number
  readonly atMs: number
}

export interface AuditEntry extends AuditSubject, Pick<Partial<Deed>, "onBehalfOf" | "reason"> {
  readonly id: number
  readonly atMs: number
  readonly outcome: AuditOutcome
  readonly status?: number
  readonly revision?: number
  /** How many exchanges or heads of requests were shown to who reads them. */
  readonly shown?: number
  /** More than one: so many equal refusals, the last of them at `lastAtMs`. */
  readonly count: number
  /** Of a tap: when it ended. */
  readonly lastAtMs?: number
}

export interface AuditQuery {
  /** Only entries with a lower id. */
  readonly before?: number
  readonly limit: number
  readonly who?: string
  readonly operation?: string
  readonly outcome?: AuditOutcome
  /** From and until, in milliseconds since 1970. */
  readonly sinceMs?: number
  readonly untilMs?: number
}

export interface AuditRpc {
  /** Before something is done, or read: its entry, with an outcome that is not known yet. */
  begin(subject: AuditSubject, kind?: "read"): Promise<number>
  /** Completes an entry, once. */
  end(id: number, end: AuditEnd): Promise<void>
  /** What was refused before it was begun. */
  refused(subject: AuditSubject, end: AuditEnd): Promise<void>
  denied(denials: readonly Denial[]): Promise<void>
  /** What the mesh did by itself; the same one twice is one entry. */
  did(deed: Deed): Promise<void>
  /** Newest first. */
  list(query: AuditQuery): Promise<readonly AuditEntry[]>
}
