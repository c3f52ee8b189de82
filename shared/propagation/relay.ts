/**
 * A relay as a machine of values: it has the newest revision that it heard of, and the feed, and answers isolates by them. The
 * root pushes; a relay that has not heard of it for a while asks. Whatever is lost, doubled, late or in another order on the
 * way, what a relay has never gets older:
 *
 *            push or answer, newer            not heard of for `relayLeaseMs`, or an isolate wants more
 *   empty --------------------------> fresh ------------------------------------------------------------> ask the root
 *                                       ^                                                                    |
 *                                       +------------------------- the root answers -------------------------+
 *
 * Every bulletin tells all, so that a relay that missed some needs none of them. A bulletin without a text that the relay
 * lacks is a gap: it is not taken, and the relay's word of what it has tells the root so.
 */
import { LIMITS } from "#shared/model/limits.ts"
import { type News, NO_NEWS } from "#shared/protocol/feed.ts"
import { type Acknowledgement, type Bulletin, type Head, NO_HEAD } from "#shared/protocol/relay.ts"
import type { Newer, Pull, PullReply } from "#shared/protocol/route-table.ts"

export interface Relay {
  readonly head: Head
  /** The head's snapshot. */
  readonly text: string
  readonly news: News
  /** The root said at this time, or later, that this is the newest. */
  readonly heardAtMs: number
  /** When an isolate asked last. */
  readonly askedAtMs: number
  /** The root was asked in vain, and is not asked again before. */
  readonly pausedUntilMs: number
}

const NEVER = Number.NEGATIVE_INFINITY

export function emptyRelay(nowMs: number): Relay {
  return { head: NO_HEAD, text: "", news: NO_NEWS, heardAtMs: NEVER, askedAtMs: nowMs, pausedUntilMs: NEVER }
}

/** A relay that was just started with what it had in storage: how old that is nobody knows. */
export function restoredRelay(head: Head, text: string, news: News, nowMs: number): Relay {
  return { ...emptyRelay(nowMs), head, text, news }
}

/**
 * What the root says. `asOfMs`: when it can have been true at the earliest, which is when the relay asked; of a push nobody knows how
 * long it was on its way, so that only what it teaches counts.
 */
export function take(relay: Relay, bulletin: Bulletin, asOfMs: number, how: "pushed" | "asked"): Relay {
  const { head, news } = bulletin
  const text = head.digest === relay.head.digest ? relay.text : bulletin.text
  const isNewer = head.revision > relay.head.revision
  const isGap = isNewer && text === undefined
  const hasNews = news.version > relay.news.version
  const isAsNew = head.revision >= relay.head.revision && news.version >= relay.news.version && !isGap
  const teaches = how === "asked" || isNewer || hasNews
  return {
    ...relay,
    ...(isNewer && !isGap && { head, text: text! }),
    ...(hasNews && { news }),
    ...(isAsNew && teaches && { heardAtMs: later(relay.heardAtMs, asOfMs), pausedUntilMs: NEVER }),
  }
}

/** The root did not answer. */
export function askedInVain(relay: Relay, nowMs: number): Relay {
  return { ...relay, pausedUntilMs: nowMs + LIMITS.relayLeaseMs / 2 }
}

/**
 * In how many milliseconds the root is to be asked, and waited for a moment, before an isolate that wants at least this revision is
 * answered; undefined when it need not be.
 */
export function askInMs({ head, heardAtMs, pausedUntilMs }: Relay, atLeast: number, nowMs: number): number | undefined {
  // A pause of the future is one of a clock that went back.
  if (nowMs < pausedUntilMs && pausedUntilMs - nowMs <= LIMITS.relayLeaseMs) return undefined
  const elapsedMs = nowMs - heardAtMs
  if (elapsedMs < 0 || elapsedMs >= LIMITS.relayLeaseMs) return 0
  return head.revision < atLeast ? Math.max(0, LIMITS.relayFloorMs - elapsedMs) : undefined
}

/** What an isolate is told. */
export function answer({ head, text, news, heardAtMs }: Relay, pull: Pull, nowMs: number): PullReply {
  const newer = newerFor(head, text, pull)
  const ageMs = Math.max(0, nowMs - heardAtMs)
  // Verdicts of nobody knows when are none.
  return Number.isFinite(ageMs) ? { newer, ...news.feed, ...(ageMs > 0 && { ageMs }) } : { newer, unheard: true }
}

/** What an isolate cannot serve it would refuse again: it waits for a repaired revision. What was damaged on its way it gets again. */
export function newerFor({ revision, digest }: Head, text: string, pull: Pull): Newer | undefined {
  const { refused } = pull
  if (revision <= pull.serving || (revision === refused?.revision && !refused.damaged)) return undefined
  if (pull.digest === undefined) return { revision, digest, text }
  const isShort = pull.digest !== digest && text.length <= LIMITS.snapshotInlineBytesMax
  return isShort ? { revision, digest, text } : { revision, digest }
}

/** What the relay has. One that says that it is idle is told no more: it has to ask before it answers again. */
export function acknowledge(relay: Relay, nowMs: number): { relay: Relay; said: Acknowledgement } {
  const idle = nowMs - relay.askedAtMs > LIMITS.relayIdleMs
  return { relay: idle ? { ...relay, heardAtMs: NEVER } : relay, said: acknowledgement(relay, idle) }
}

/** The same as part of a question. */
export function acknowledgement({ head, news }: Relay, idle = false): Acknowledgement {
  return { ...head, news: news.version, idle }
}

/** Whether an answer is of a relay that the root may have forgotten: then nobody who matters knows of the isolates that ask it. */
export function isCutOff({ ageMs = 0, unheard }: PullReply): boolean {
  return unheard === true || ageMs > LIMITS.relayCutOffMs
}

/** After a clock went back, the time that is now. */
function later(knownMs: number, asOfMs: number): number {
  return knownMs > asOfMs && knownMs - asOfMs <= LIMITS.relayLeaseMs ? knownMs : asOfMs
}
