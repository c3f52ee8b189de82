/**
 * The root's view of one relay: what it has said that it has, and when it is pushed to next. A push tells all, so that there is
 * never more than one on its way to a relay, and never more than one still to be sent, whatever happens meanwhile.
 *
 *   has all --a revision, or news--> due --push--> taken: has all, or due again if there is more by now
 *                                     ^      +---> failed: due after a pause that doubles
 *                                     +---------------+          too long: forgotten, until the relay asks again
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { Acknowledgement } from "#shared/protocol/relay.ts"

export interface Peer {
  readonly name: string
  /** What it said last that it has. */
  readonly revision: number
  readonly digest: string
  readonly news: number
  readonly saidAtMs: number
  /** Pushes in a row that it did not take. */
  readonly failures: number
  /** It is not pushed to before. */
  readonly dueAtMs: number
}

/** The newest of both. */
export interface Newest {
  readonly revision: number
  readonly news: number
}

/** A relay that asks: what it says goes before all that was known of it, also when it has less than it once had. */
export function asked(name: string, { revision, digest, news }: Acknowledgement, nowMs: number): Peer {
  return { name, revision, digest, news, saidAtMs: nowMs, failures: 0, dueAtMs: 0 }
}

/** The answer to a push. Undefined: nobody asks this relay, and it needs to be told no more. */
export function acknowledged(
  peer: Peer,
  { idle, ...said }: Acknowledgement,
  pushed: Newest,
  nowMs: number,
  dice: number,
  gapMs: number = LIMITS.pushGapMs,
): Peer | undefined {
  if (idle) return undefined
  // It may answer, and not take what it is told: the next push tells it again, and not at once.
  const tookIt = said.revision >= pushed.revision && said.news >= pushed.news
  const failures = tookIt ? 0 : peer.failures + 1
  const dueAtMs = nowMs + (tookIt ? gapMs : pauseMs(failures, dice))
  return { name: peer.name, ...said, saidAtMs: nowMs, failures, dueAtMs }
}

/** No answer to a push. Undefined: for too long. */
export function unacknowledged(peer: Peer, nowMs: number, dice: number): Peer | undefined {
  if (nowMs - peer.saidAtMs > LIMITS.pushGivenUpMs) return undefined
  const failures = peer.failures + 1
  return { ...peer, failures, dueAtMs: nowMs + pauseMs(failures, dice) }
}

export function lacks(peer: Peer, newest: Newest): boolean {
  return peer.revision < newest.revision || peer.news < newest.news
}

/** When the next push is due, of those that lack something; undefined when none does. */
export function nextDueMs(peers: readonly Peer[], newest: Newest): number | undefined {
  let next: number | undefined
  for (const peer of peers) {
    if (lacks(peer, newest) && (next === undefined || peer.dueAtMs < next)) next = peer.dueAtMs
  }
  return next
}

/** How many pushes may be on their way at a time: all of them, but for texts that would fill the memory. */
export function pushesAtOnce(textBytes: number): number {
  return Math.max(2, Math.min(LIMITS.relaysMax, Math.floor(LIMITS.pushBytesMax / Math.max(1, textBytes))))
}

function pauseMs(failures: number, dice: number): number {
  return Math.min(LIMITS.pushPauseMs * 2 ** (failures - 1), LIMITS.pushPauseMsMax) * (0.75 + dice / 2)
}
