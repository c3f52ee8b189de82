/**
 * What goes into the audit log, decided in one place from what a request came to: every write, before and after; every refusal of
 * one; every denial. Handlers only say what it was done to.
 */
import { LIMITS } from "#shared/model/limits.ts"
import {
  AUDIT,
  type AuditEnd,
  type AuditOutcome,
  type AuditQuery,
  type AuditRpc,
  type AuditSubject,
  type Denial,
} from "#shared/protocol/audit.ts"
import type { AuditList } from "#shared/protocol/control-api.ts"
import { type Call, reply } from "./endpoint.ts"
import type { ControlEnv } from "./env.ts"

const PAGE = 50
/** Longer targets are none. */
export const TARGET_CHARS_MAX = 400
/** Of more senders than can be told apart. */
const OTHERS = "others"

export type AuditFilter = {
  readonly before?: number
  readonly limit?: number
  readonly who?: string
  readonly operation?: string
  readonly outcome?: AuditOutcome
  readonly since?: number
  readonly until?: number
}

export async function listAudit(call: Call<object, AuditFilter, undefined>): Promise<Response> {
  const { since, until, limit = PAGE, ...same } = call.query
  const query: AuditQuery = {
    ...same,
    limit,
    ...(since !== undefined && { sinceMs: since }),
    ...(until !== undefined && { untilMs: until }),
  }
  return reply<AuditList>({ entries: await auditLog(call.env).list(query) })
}

export function auditLog(env: ControlEnv): AuditRpc {
  return env.AUDIT.getByName(AUDIT) as unknown as AuditRpc
}

/** What the status of an answer says of the request. An exception says nothing: the write may have been made. */
export function outcomeOf(status: number): AuditOutcome {
  if (status < 400) return "done"
  if (status >= 500) return "unknown"
  return [401, 403, 421, 429].includes(status) ? "denied" : "failed"
}

/** What the object does not take goes into the Worker's log: an entry is late rather than lost. */
export async function record(
  write: () => Promise<unknown>,
  subject: AuditSubject,
  end: Partial<AuditEnd>,
): Promise<void> {
  try {
    await write()
  } catch (error) {
    console.error(
      JSON.stringify({ message: "the audit log did not take an entry", ...subject, ...end, error: `${error}` }),
    )
  }
}

type Wait = Pick<ExecutionContext, "waitUntil">

/**
 * Denials of one isolate, equal ones added up. The first is told of at once, and what follows every few seconds: a flood of them
 * costs the object no more than a few.
 */
export class Denials {
  readonly #flushMs: number
  #known = new Map<string, Denial>()
  /** When what is known will have been told of. The request that was to do it may be cut off: then the next one does. */
  #dueAtMs = 0
  #toldAtMs = 0

  constructor(flushMs: number = LIMITS.auditFlushMs) {
    this.#flushMs = flushMs
  }

  note(env: ControlEnv, subject: AuditSubject, status: number, context: Wait): void {
    const nowMs = Date.now()
    this.#count(subject, status, nowMs)
    if (nowMs < this.#dueAtMs) return
    const waitMs = Math.max(0, this.#toldAtMs + this.#flushMs - nowMs)
    // A flush that has not happened by then was cut off.
    this.#dueAtMs = nowMs + waitMs + this.#flushMs
    context.waitUntil(this.#tell(env, waitMs))
  }

  #count(subject: AuditSubject, status: number, nowMs: number): void {
    const key = JSON.stringify([subject.who, subject.operation, status, subject.address])
    const known = this.#known.get(key)
    if (known) {
      this.#known.set(key, { ...known, count: known.count + 1, lastAtMs: nowMs })
    } else if (this.#known.size < LIMITS.auditDenialKeysMax || subject.address === OTHERS) {
      this.#known.set(key, { ...subject, status, count: 1, firstAtMs: nowMs, lastAtMs: nowMs })
    } else {
      this.#count({ ...subject, address: OTHERS }, status, nowMs)
    }
  }

  async #tell(env: ControlEnv, waitMs: number): Promise<void> {
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
    const denials = [...this.#known.values()]
    this.#known = new Map()
    this.#toldAtMs = Date.now()
    this.#dueAtMs = 0
    if (denials.length > 0) await record(() => auditLog(env).denied(denials), denials[0]!, { outcome: "denied" })
  }
}
