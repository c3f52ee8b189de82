/**
 * What is written down of an exchange that is recorded, beside its access record: each attempt, and what the mesh decided on the way.
 * Exchanges that nobody records have none.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { RefusalName } from "#shared/model/refusal.ts"

export interface AttemptRecord {
  /** What the upstream was told as its parent, 16 hex digits. */
  readonly spanId: string
  readonly startedAtMs: number
  /** Absent: it was given up, or another attempt was faster. */
  readonly endedAtMs?: number
  readonly to: string
  readonly subset?: string
  /** The place: a binding's name, or a URL. */
  readonly endpoint: string
  /** Of the answer; of RPC 200, or 500 when the call threw. Absent without an answer. */
  readonly status?: number
  /** Why there was none. */
  readonly refusal?: RefusalName
}

/** What decisions are called in a span's events, as `weft.<name>`, and by `weft trace`. */
export type DecisionName =
  | "retry"
  | "held_back"
  | "fallback"
  | "rate_limit"
  | "access"
  | "credential"
  | "budget_exhausted"
  | "floor_missed"

export interface Decision {
  readonly name: DecisionName
  readonly atMs: number
  readonly details: Readonly<Record<string, string | number>>
}

type Open = { -readonly [K in keyof AttemptRecord]: AttemptRecord[K] }

export class Journal {
  readonly #attempts: Open[] = []
  readonly #decisions: Decision[] = []
  /** What found no place. */
  dropped = 0

  get attempts(): readonly AttemptRecord[] {
    return this.#attempts
  }

  get decisions(): readonly Decision[] {
    return this.#decisions
  }

  begin(attempt: AttemptRecord): Open {
    const open = { ...attempt }
    if (this.#attempts.length < LIMITS.attemptsTold) this.#attempts.push(open)
    else this.dropped += 1
    return open
  }

  /** The guards of its cluster did not let it go: nothing was sent. */
  heldBack(attempt: Open, refusal: RefusalName, atMs: number): void {
    const place = this.#attempts.lastIndexOf(attempt)
    if (place >= 0) this.#attempts.splice(place, 1)
    const { to, subset, endpoint } = attempt
    this.decided("held_back", atMs, { refusal, to, ...(subset !== undefined && { subset }), endpoint })
  }

  decided(name: DecisionName, atMs: number, details: Decision["details"] = {}): void {
    if (this.#decisions.length < LIMITS.decisionsMax) this.#decisions.push({ name, atMs, details })
    else this.dropped += 1
  }
}
