/**
 * What stands before each attempt to a cluster. Guards are asked in one order (ledger.ts); who admitted an attempt is told what
 * came of it, exactly once. A guard keeps state; what it decides, pure functions of shared/resilience decide.
 */
import type { Refusal } from "#shared/model/refusal.ts"
import type { Endpoint } from "#shared/model/service.ts"
import type { Priority } from "#shared/model/upstream-policy.ts"
import type { Background } from "./mesh.ts"

export interface Guard {
  /** A refusal, or undefined: the attempt may go. What the guard wants to know again when it settles, it notes on the ticket. */
  admit(nowMs: number, dice: number, ticket: Ticket): Refusal | undefined
  settle(outcome: AttemptOutcome, nowMs: number, ticket: Ticket): void
}

/** One attempt's passage by the guards of a cluster. */
export interface Ticket {
  /** For reports that nobody waits for. */
  readonly background: Background
  readonly endpoint: Endpoint
  readonly priority: Priority
  /** Its signal tells when the caller has gone away; undefined for RPC, where nothing tells. */
  readonly request: Pick<Request, "signal"> | undefined
  /** The attempt is over by then, told or untold. What is known of that later moves it. */
  endsAtMs: number
  /** The breaker's state when it let the attempt pass: results of an older generation say nothing about a newer one. */
  generation: number
  /** The attempt is a probe under this lease, and must have ended when the lease does. */
  probe: { readonly scope: "mesh" | "own"; readonly lease: number; readonly untilMs: number } | undefined
}

export function ticketFor(
  endpoint: Endpoint,
  priority: Priority,
  background: Background,
  request?: Pick<Request, "signal">,
): Ticket {
  return {
    background,
    endpoint,
    priority,
    request,
    endsAtMs: Number.POSITIVE_INFINITY,
    generation: 0,
    probe: undefined,
  }
}

/**
 * What came of one attempt. `answered`: the upstream's response began, with any status. `unanswered`: none came, for want of a
 * connection or of time. `unknown`: it was never sent, or its caller went away, so that it says nothing about the upstream.
 */
export interface AttemptOutcome {
  readonly kind: "answered" | "unanswered" | "unknown"
  /** 0 without an answer. An RPC result counts as 200. */
  readonly status: number
  readonly durationMs: number
  readonly endpoint: Endpoint | undefined
}
