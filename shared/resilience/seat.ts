/**
 * What one isolate knows of a cluster's breaker: a breaker of its own, which trips at once and holds when nobody else can be
 * asked, and the mesh's verdict, which goes before it for as long as it is fresh. Probes of a mesh-wide rest need a lease;
 * an isolate that is alone gives itself one at a time.
 */
import type { BreakerPolicy } from "#shared/model/policy.ts"
import { askLease, type Breaker, closedBreaker, record, settleLease } from "./breaker.ts"
import type { Tally } from "./tally.ts"

export interface Seat {
  readonly own: Breaker
  readonly heard: Heard | undefined
  /** A lease of the mesh's that no request has used yet. */
  readonly lease: HeldLease | undefined
  /** When a report was sent that the object answered. */
  readonly answeredAtMs: number
}

export interface Heard {
  readonly generation: number
  readonly phase: "closed" | "open" | "probing"
  /** When a lease may be asked for. */
  readonly restUntilMs: number
  readonly freshUntilMs: number
}

export interface HeldLease {
  readonly id: number
  readonly useUntilMs: number
  readonly untilMs: number
}

export type Admission =
  | { readonly admit: "pass" }
  | { readonly admit: "probe"; readonly scope: "mesh" | "own"; readonly lease: number; readonly untilMs: number }
  /** `ask`: a lease could be had from the mesh. */
  | { readonly admit: "refuse"; readonly waitMs: number; readonly ask: boolean }

const PASS: Admission = { admit: "pass" }

/** A probe of its own takes its only place, so that an isolate never has two out. */
const ALONE = 1

export function freshSeat(policy: BreakerPolicy, nowMs: number): Seat {
  return {
    own: closedBreaker(policy, nowMs),
    heard: undefined,
    lease: undefined,
    answeredAtMs: Number.NEGATIVE_INFINITY,
  }
}

/**
 * `patienceMs`: how long after its own rest an isolate waits for the object's word. Others may have tripped since it heard last, and
 * then its probe would be one too many.
 */
export function admission(
  seat: Seat,
  policy: BreakerPolicy,
  { leaseMs, patienceMs }: { readonly leaseMs: number; readonly patienceMs: number },
  nowMs: number,
): { readonly seat: Seat; readonly admission: Admission } {
  const { heard, lease, own } = seat
  if (heard && heard.phase !== "closed" && nowMs < heard.freshUntilMs) {
    if (lease && nowMs < lease.useUntilMs) {
      const admitted = { admit: "probe", scope: "mesh", lease: lease.id, untilMs: lease.untilMs } as const
      return { seat: { ...seat, lease: undefined }, admission: admitted }
    }
    const waitMs = Math.max(0, heard.restUntilMs - nowMs)
    return { seat, admission: { admit: "refuse", waitMs, ask: waitMs === 0 } }
  }
  if (own.state.phase === "closed") return { seat, admission: PASS }
  if (own.state.phase === "open" && nowMs >= own.state.untilMs) {
    const { untilMs } = own.state
    const isSure = seat.answeredAtMs >= untilMs || nowMs >= untilMs + patienceMs
    if (!isSure) return { seat, admission: { admit: "refuse", waitMs: 0, ask: true } }
  }
  const asked = askLease(own, { ...policy, probes: ALONE }, leaseMs, nowMs)
  if (!asked.lease) {
    const waitMs = own.state.phase === "open" ? Math.max(0, own.state.untilMs - nowMs) : 0
    return { seat, admission: { admit: "refuse", waitMs, ask: false } }
  }
  const { id, untilMs } = asked.lease
  return { seat: { ...seat, own: asked.breaker }, admission: { admit: "probe", scope: "own", lease: id, untilMs } }
}

/** What an attempt that passed found out. `generation` is that of the isolate's own breaker when it passed. */
export function observe(
  seat: Seat,
  generation: number,
  tally: Tally,
  policy: BreakerPolicy,
  nowMs: number,
  dice: number,
): Seat {
  const own = record(seat.own, generation, tally, policy, nowMs, dice)
  return own === seat.own ? seat : { ...seat, own }
}

/** What a probe of the isolate's own found out. */
export function observeOwnProbe(
  seat: Seat,
  lease: number,
  found: "ok" | "failed" | "unknown",
  policy: BreakerPolicy,
  nowMs: number,
  dice: number,
): Seat {
  return { ...seat, own: settleLease(seat.own, lease, found, policy, nowMs, dice) }
}

/**
 * News from the object or the feed. A newer generation also moves the isolate's own breaker, so that it goes on from there when
 * nothing is heard any more. That the mesh is well in the generation known before does not undo a trip of the isolate's
 * own: its trouble may be its own too.
 */
export function hear(
  seat: Seat,
  verdict: { readonly generation: number; readonly phase: Heard["phase"]; readonly restMs: number },
  policy: BreakerPolicy,
  freshMs: number,
  nowMs: number,
): Seat {
  const { generation, phase, restMs } = verdict
  const known = seat.heard?.generation ?? 0
  if (generation < known) return seat
  const restUntilMs = nowMs + restMs
  const heard: Heard = { generation, phase, restUntilMs, freshUntilMs: nowMs + freshMs }
  if (generation === known) return { ...seat, heard }
  const own = { ...seat.own, generation: seat.own.generation + 1 }
  // The first word of all is no change: a mesh that was always well says nothing about what this isolate has seen.
  if (phase === "closed" && known === 0) return { ...seat, heard }
  const state =
    phase === "closed"
      ? closedBreaker(policy, nowMs).state
      : ({ phase: "open", untilMs: Math.max(restUntilMs, nowMs), cause: "failures" } as const)
  const { answeredAtMs } = seat
  return { own: { ...own, state, trips: phase === "closed" ? 0 : own.trips }, heard, lease: undefined, answeredAtMs }
}
