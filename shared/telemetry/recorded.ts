/** One exchange as it is exported as spans, and kept for `weft trace`. */
import { LIMITS } from "#shared/model/limits.ts"
import type { AccessRecord } from "./access-record.ts"
import type { AttemptRecord, Decision, Journal } from "./journal.ts"

export interface RecordedExchange extends AccessRecord {
  /** The gateway that it came in by; absent inside the mesh. */
  readonly gateway?: string
  /** The data centre, where it is known. */
  readonly colo?: string
  /** The pattern of the path that the rule matched by: `/orders/{id}`. */
  readonly pattern?: string
  readonly attemptRecords: readonly AttemptRecord[]
  readonly decisions: readonly Decision[]
}

/** What was recorded of a trace, an exchange a hop, in the order of their beginning. */
export interface Trace {
  readonly traceId: string
  readonly exchanges: readonly RecordedExchange[]
  /** Shards of telemetry that did not answer. */
  readonly missing: readonly string[]
}

interface Surroundings {
  readonly gateway: string | undefined
  readonly colo: string | undefined
  readonly pattern: string | undefined
}

/** Whether the exchange went wrong for reasons that are not its sender's. */
export function isFailure({ status }: Pick<AccessRecord, "status">): boolean {
  return status >= 500
}

/** Without a journal it was recorded only because it failed, and nobody knows of its attempts but how many there were. */
export function recorded(
  record: AccessRecord,
  { gateway, colo, pattern }: Surroundings,
  journal: Journal | undefined,
): RecordedExchange {
  return {
    ...record,
    ...(gateway !== undefined && { gateway }),
    ...(colo !== undefined && { colo }),
    ...(pattern !== undefined && { pattern }),
    attemptRecords: journal?.attempts ?? [],
    decisions: [...(journal?.decisions ?? []), ...decisionsOf(record)].slice(0, LIMITS.decisionsMax),
  }
}

/** What the record says of decisions has no time of its own: it stands at the end. */
function decisionsOf(record: AccessRecord): readonly Decision[] {
  const { fallback, refusedBy, shadowed, deniedBy, audited, rehearsed, unasked, credential } = record
  const { budgetExhausted, floorMissed, atMs, durationMs, revision } = record
  const endMs = atMs + durationMs
  const decisions: Decision[] = []
  const decided = (name: Decision["name"], details: Readonly<Record<string, string | number | undefined>>) => {
    const known = Object.entries(details).filter((entry): entry is [string, string | number] => entry[1] !== undefined)
    if (known.length > 0) decisions.push({ name, atMs: endMs, details: Object.fromEntries(known) })
  }
  decided("credential", { fault: credential })
  decided("access", {
    denied_by: deniedBy?.join(","),
    audited: audited?.join(","),
    rehearsed: rehearsed?.join(","),
    unasked: unasked?.join(","),
  })
  decided("rate_limit", { refused_by: refusedBy?.join(","), shadowed: shadowed?.join(",") })
  decided("fallback", { kind: fallback })
  if (budgetExhausted) decisions.push({ name: "budget_exhausted", atMs: endMs, details: {} })
  if (floorMissed !== undefined) decided("floor_missed", { floor: floorMissed, revision })
  return decisions
}
