/**
 * An isolate's lease on its routes, as a machine of values: how long it goes by them without a question, when it asks, how long a request
 * waits, and what it takes of an answer. A request waits only for routes that there are none of, for a revision that it was promised,
 * and for a moment after a long sleep; never when the last question went unanswered, so that an outage costs nobody anything.
 *
 *   fresh --lease over, and a request--> asking (served by what there is) --answered--> fresh
 *     ^                                    |
 *     +------ in vain: the next lease -----+
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { RefusedRevision } from "#shared/protocol/route-table.ts"

export interface Lease {
  /** The revision that is gone by; 0 for none. It never falls. */
  readonly serving: number
  /** Since when. */
  readonly servingSinceMs: number
  /** When the question was sent that the lease comes from. */
  readonly sinceMs: number
  readonly untilMs: number
  /** The question under way that answers are waited for of; a newer one takes its place. */
  readonly asking: Asking | undefined
  readonly questions: number
  /** The newest question that was answered, or given up. */
  readonly settled: number
  /** Questions in a row that nobody answered. */
  readonly unanswered: number
  /** A request has waited in vain for the answer to this question: the others do not. */
  readonly vain: number
  /** The relay was gone past this many times in a row; the root is not asked in its place before. */
  readonly detours: number
  readonly detourAtMs: number
  readonly refused: Refused | undefined
  /** A revision that was promised and that nobody had; it is not waited for before. */
  readonly unmet: { readonly floor: number; readonly untilMs: number }
}

export interface Asking {
  readonly id: number
  readonly sinceMs: number
  /** The revision that it wants at least; 0: whatever is newest. */
  readonly floor: number
}

export interface Refused extends RefusedRevision {
  readonly atMs: number
}

const NEVER = Number.NEGATIVE_INFINITY

export function freshLease(): Lease {
  return {
    ...{ serving: 0, servingSinceMs: 0, sinceMs: NEVER, untilMs: NEVER, asking: undefined, questions: 0 },
    ...{ settled: 0, unanswered: 0, vain: 0, detours: 0, detourAtMs: NEVER, refused: undefined },
    unmet: { floor: 0, untilMs: NEVER },
  }
}

/** A lease that ends further ahead than a lease lasts is one of a clock that went back. */
export function isOver({ untilMs, sinceMs }: Lease, nowMs: number): boolean {
  return nowMs >= untilMs || nowMs < sinceMs
}

/**
 * A question to be sent now; undefined when there is none to be sent, or one is under way that will do. One that hangs is left to itself
 * after a while, so that a lost answer cannot stop all news.
 */
export function ask(lease: Lease, floor: number, nowMs: number): { lease: Lease; asking: Asking } | undefined {
  const { asking, serving } = lease
  const isMissing = floor > serving && !isUnmet(lease, floor, nowMs)
  if (!isMissing && !isOver(lease, nowMs)) return undefined
  const isUnderWay = asking && nowMs >= asking.sinceMs && nowMs - asking.sinceMs < LIMITS.snapshotPullMs
  // A question without a floor may be answered by somebody who has not heard of that revision yet; but two at a time are enough.
  if (isUnderWay && (asking.floor > 0 || !isMissing)) return undefined
  const next: Asking = { id: lease.questions + 1, sinceMs: nowMs, floor: isMissing ? floor : 0 }
  const hung = asking && !isUnderWay ? 1 : 0
  return { lease: { ...lease, asking: next, questions: next.id, unanswered: lease.unanswered + hung }, asking: next }
}

/** How long a request may wait for what is asked. */
export function patienceMs(lease: Lease, floor: number, leaseMs: number, nowMs: number): number {
  if (lease.serving === 0) return LIMITS.snapshotFirstWaitMs
  if (lease.unanswered > 0 || lease.vain === lease.asking?.id) return 0
  if (floor > lease.serving && !isUnmet(lease, floor, nowMs)) return LIMITS.floorWaitMs
  return hasSlept(lease, leaseMs) ? LIMITS.floorWaitMs : 0
}

/** Before it asked what it asks now, the isolate was silent for so long that whoever counts isolates had stopped to count it. */
export function hasSlept({ asking, sinceMs }: Lease, leaseMs: number): boolean {
  return asking !== undefined && asking.sinceMs - sinceMs > LIMITS.snapshotSleepLeases * leaseMs
}

/** The lease is counted from when the question was sent, so that whoever answered it counts no less. */
export function answered(lease: Lease, asking: Asking, leaseMs: number, dice: number): Lease {
  if (asking.id < lease.settled) return lease
  const untilMs = asking.sinceMs + leaseMs * (0.75 + dice / 2)
  return { ...ended(lease, asking), sinceMs: asking.sinceMs, untilMs, unanswered: 0 }
}

/** Nobody answered: what is served stays, and the next lease asks again. */
export function unanswered(lease: Lease, asking: Asking, leaseMs: number, nowMs: number, dice: number): Lease {
  if (asking.id < lease.settled) return lease
  const untilMs = nowMs + leaseMs * (0.75 + dice / 2)
  return { ...ended(lease, asking), sinceMs: nowMs, untilMs, unanswered: lease.unanswered + 1 }
}

/** A request's patience is over before the answer to what is asked has come. */
export function inVain(lease: Lease): Lease {
  return lease.asking ? { ...lease, vain: lease.asking.id } : lease
}

/** What was promised is not there; whoever promises more than there is shall not make everybody wait. */
export function missed(lease: Lease, floor: number, leaseMs: number, nowMs: number): Lease {
  return { ...lease, unmet: { floor, untilMs: nowMs + leaseMs } }
}

/** Whether a revision that came is taken up; it may have come late, or twice. */
export function isWanted({ serving, refused }: Lease, revision: number): boolean {
  return revision > serving && (revision !== refused?.revision || refused.damaged === true)
}

/** What is refused stays so beneath it: an isolate that cannot serve the newest may begin with an older one. */
export function takenUp(lease: Lease, revision: number, nowMs: number): Lease {
  const { refused } = lease
  const isOver = refused !== undefined && refused.revision <= revision
  return { ...lease, serving: revision, servingSinceMs: nowMs, refused: isOver ? undefined : refused }
}

export function refuses(lease: Lease, refused: RefusedRevision, nowMs: number): Lease {
  return { ...lease, refused: { ...refused, atMs: nowMs } }
}

/** What is said of it to others. */
export function reported({ revision, reason, damaged }: RefusedRevision): RefusedRevision {
  return { revision, reason, ...(damaged && { damaged }) }
}

/** A refused revision is asked for again after a while: whoever made it may have known something. */
export function forgiving(lease: Lease, nowMs: number): Lease {
  const { refused } = lease
  return refused && nowMs - refused.atMs >= LIMITS.snapshotRefusedMs ? { ...lease, refused: undefined } : lease
}

/** The relay is silent: whether the root is asked in its place. Many isolates must not do so for long. */
export function detour(lease: Lease, nowMs: number, dice: number): Lease | undefined {
  const isCold = lease.serving === 0
  if (!isCold && nowMs < lease.detourAtMs && lease.detourAtMs - nowMs <= LIMITS.rootPauseMsMax * 2) return undefined
  const pauseMs = Math.min(LIMITS.rootPauseMs * 2 ** lease.detours, LIMITS.rootPauseMsMax) * (0.75 + dice / 2)
  return { ...lease, detours: lease.detours + 1, detourAtMs: nowMs + pauseMs }
}

export function relayIsBack(lease: Lease): Lease {
  return lease.detours === 0 ? lease : { ...lease, detours: 0, detourAtMs: NEVER }
}

function isUnmet({ unmet }: Lease, floor: number, nowMs: number): boolean {
  // A lower floor than the one that nobody had may well be met.
  return floor >= unmet.floor && nowMs < unmet.untilMs && unmet.untilMs - nowMs <= LIMITS.rootPauseMsMax
}

function ended(lease: Lease, { id }: Asking): Lease {
  return { ...lease, settled: id, asking: lease.asking?.id === id ? undefined : lease.asking }
}
