/**
 * When a signing key begins, signs, and goes. Verifiers keep copies of the public keys, so that a key is published some time before it
 * signs and stays published until the last token that it signed is over:
 *
 *   published --after `aheadMs`--> signs --the next key signs--> published --after a token's life--> gone
 *
 * Everything follows from when keys were made. An alarm that comes late makes nothing wrong: the key at hand goes on.
 */

import type { KeyPhase } from "#shared/model/workload-identity.ts"

export interface RingKey {
  readonly kid: string
  readonly createdAtMs: number
}

export interface RingTimes {
  /** How long a key signs before the next one is made. */
  readonly rotateMs: number
  /** How long a key is published before it signs: longer than anybody keeps a copy of the keys. */
  readonly aheadMs: number
  /** How long a token is good for, with what clocks may be apart. */
  readonly tokenMs: number
}

/** The key to sign with: the newest of those that everybody knows. The very first one signs at once, since nobody knows another. */
export function signer<K extends RingKey>(keys: readonly K[], times: RingTimes, nowMs: number): K | undefined {
  const [first, ...later] = byAge(keys)
  return later.findLast((key) => key.createdAtMs + times.aheadMs <= nowMs) ?? first
}

/** What is to be done by now, and when to look again. */
export function due(
  keys: readonly RingKey[],
  times: RingTimes,
  nowMs: number,
): { readonly make: boolean; readonly drop: readonly string[]; readonly nextAtMs: number } {
  const ordered = byAge(keys)
  const newest = ordered.at(-1)
  const make = newest === undefined || newest.createdAtMs + times.rotateMs <= nowMs
  const ends = ordered.slice(0, -1).map((key, index) => ({ kid: key.kid, atMs: endOf(ordered[index + 1]!, times) }))
  const drop = ends.filter(({ atMs }) => atMs <= nowMs).map(({ kid }) => kid)
  const coming = [...ends.map(({ atMs }) => atMs), (make ? nowMs : newest.createdAtMs) + times.rotateMs]
  return { make, drop, nextAtMs: Math.min(...coming.filter((atMs) => atMs > nowMs)) }
}

export function phaseOf(key: RingKey, keys: readonly RingKey[], times: RingTimes, nowMs: number): KeyPhase {
  const signing = signer(keys, times, nowMs)
  if (key.kid === signing?.kid) return "signing"
  return key.createdAtMs > (signing?.createdAtMs ?? 0) ? "next" : "retired"
}

/** The last token of a key is over: the one after it signs, and a token's life has passed. */
function endOf(next: RingKey, { aheadMs, tokenMs }: RingTimes): number {
  return next.createdAtMs + aheadMs + tokenMs
}

function byAge<K extends RingKey>(keys: readonly K[]): K[] {
  return keys.toSorted((a, b) => a.createdAtMs - b.createdAtMs || (a.kid < b.kid ? -1 : 1))
}
