/**
 * Where a revision is served, as far as it is known: which relays have it, and which isolates go by it.
 *
 * An isolate counts while it may serve a request without asking first: for two and a half leases after it was heard of. One that was
 * silent for longer asks before it serves. So when all relays have a revision, and all isolates that count serve it, then it is in
 * effect everywhere, but for isolates that reach neither their relay nor the root: nobody hears of those, and they go on by what
 * they have.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { Refusing, RegionConvergence, RevisionConvergence } from "#shared/protocol/convergence.ts"
import type { RelayStatus, RelayView } from "#shared/protocol/relay.ts"
import type { IsolateStatus } from "#shared/protocol/route-table.ts"
import { regionOfRelay } from "./regions.ts"

/** How long a revision is on its way when nothing fails: a push, a lease at its longest, a pull; and a push and a pull take so long. */
const ON_THE_WAY_MS = 500
export const BOUND_MS = LIMITS.snapshotLeaseMs * 1.25 + ON_THE_WAY_MS
/** The same from when the last failure has healed: a relay waits for its own lease or for the root's next push, whatever is sooner. */
export const HEALED_BOUND_MS = LIMITS.relayLeaseMs + BOUND_MS + LIMITS.snapshotLeaseMs * 1.25

const REFUSING_MAX = 100

/** A relay, and what it says of itself; undefined when it does not answer. The root is one, for isolates that ask it. */
export interface Witness {
  readonly status: RelayStatus
  readonly view: RelayView | undefined
}

export function isLive({ seenAtMs, leaseMs = LIMITS.snapshotLeaseMs }: IsolateStatus, nowMs: number): boolean {
  return nowMs - seenAtMs <= leaseMs * LIMITS.snapshotSleepLeases
}

/** Whoever answers was started so lately that isolates may go by what they have without having been heard of. */
export function isUnsure({ atMs, watchingSinceMs }: Pick<RelayView, "atMs" | "watchingSinceMs">): boolean {
  return watchingSinceMs !== undefined && atMs - watchingSinceMs <= LIMITS.snapshotLeaseMs * LIMITS.snapshotSleepLeases
}

export function convergence(
  { revision, atMs }: { readonly revision: number; readonly atMs: number },
  witnesses: readonly Witness[],
): RevisionConvergence {
  const byRegion = new Map<string, RegionConvergence[]>()
  for (const witness of witnesses) {
    const one = regionOf(revision, witness)
    byRegion.set(one.region, [...(byRegion.get(one.region) ?? []), one])
  }
  const regions = [...byRegion.values()].map(together)
  const refusing = witnesses.flatMap((witness) => refusingAt(revision, witness))
  const isDone = regions.every(({ doneAtMs }) => doneAtMs !== undefined)
  return {
    revision,
    state: refusing.length > 0 ? "refused" : isDone ? "done" : "waiting",
    isolates: sum(regions, "isolates"),
    serving: sum(regions, "serving"),
    regions,
    refusing: refusing.slice(0, REFUSING_MAX),
    committedAtMs: atMs,
    ...(isDone && { doneAtMs: Math.max(atMs, ...regions.map(({ doneAtMs = 0 }) => doneAtMs)) }),
    boundMs: BOUND_MS,
  }
}

function nameOf({ status }: Witness): string {
  return regionOfRelay(status.name) ?? status.name
}

function regionOf(revision: number, witness: Witness): RegionConvergence {
  const { status, view } = witness
  const acknowledged = (view?.revision ?? status.acknowledged) >= revision
  const known = { region: nameOf(witness), relays: 1, acknowledged: acknowledged ? 1 : 0 }
  if (!view) return { ...known, silent: 1, unsure: 0, isolates: 0, serving: 0 }
  const { atMs: nowMs } = view
  const live = view.isolates.filter((isolate) => isLive(isolate, nowMs))
  const behind = live.filter(({ serving }) => serving < revision)
  const unsure = isUnsure(view)
  const upAtMs = live.map(({ servingSinceMs = 0 }) => servingSinceMs)
  return {
    ...{ ...known, silent: 0, unsure: unsure ? 1 : 0, isolates: live.length, serving: live.length - behind.length },
    ...(behind.length > 0 && { oldestLeaseMs: nowMs - Math.min(...behind.map(({ seenAtMs }) => seenAtMs)) }),
    ...(acknowledged &&
      !unsure &&
      behind.length === 0 && { doneAtMs: Math.max(view.revision === revision ? view.sinceMs : 0, ...upAtMs) }),
  }
}

/** The relays of one region as one. */
function together(parts: readonly RegionConvergence[]): RegionConvergence {
  const oldest = parts.flatMap(({ oldestLeaseMs }) => oldestLeaseMs ?? [])
  const isDone = parts.every(({ doneAtMs }) => doneAtMs !== undefined)
  return {
    region: parts[0]!.region,
    relays: sum(parts, "relays"),
    acknowledged: sum(parts, "acknowledged"),
    silent: sum(parts, "silent"),
    unsure: sum(parts, "unsure"),
    isolates: sum(parts, "isolates"),
    serving: sum(parts, "serving"),
    ...(oldest.length > 0 && { oldestLeaseMs: Math.max(...oldest) }),
    ...(isDone && { doneAtMs: Math.max(...parts.map(({ doneAtMs = 0 }) => doneAtMs)) }),
  }
}

function refusingAt(revision: number, witness: Witness): Refusing[] {
  const { view } = witness
  if (!view) return []
  return view.isolates.flatMap((isolate) => {
    const { serving, refused } = isolate
    const isRefusing = serving < revision && refused !== undefined && refused.revision >= revision
    return isRefusing && isLive(isolate, view.atMs)
      ? [{ isolate: isolate.isolate, region: nameOf(witness), reason: refused.reason }]
      : []
  })
}

type Count = "relays" | "acknowledged" | "silent" | "unsure" | "isolates" | "serving"

function sum(parts: readonly RegionConvergence[], of: Count): number {
  return parts.reduce((total, part) => total + part[of], 0)
}
