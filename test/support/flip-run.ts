/**
 * Snapshots of which one bit is another than it was: on the way from the relay, in the data centre's cache, in KV. A cold isolate gets
 * one, and afterwards must serve what was written, or nothing.
 */
import type { Published } from "#shared/model/snapshot.ts"
import { digest } from "#shared/model/snapshot-codec.ts"
import { readLastHead, readLastKnown, writeLastHead, writeLastKnown } from "#shared/protocol/last-known.ts"
import type { SourceRpc } from "#shared/protocol/relay.ts"
import { Dice } from "#simulator/dice.ts"
import type { Routes } from "#workers/proxy/mesh.ts"
import { Snapshots } from "#workers/proxy/snapshots.ts"
import type { LastKnown } from "#workers/proxy/sources.ts"
import { GOOD } from "./poison.ts"

export const FLIPPED = ["text", "digest", "cached text", "cached head", "kv"] as const
export type Flipped = (typeof FLIPPED)[number]

export interface FlipResult {
  readonly flips: number
  /** Isolates that served what nobody wrote. */
  readonly corrupt: readonly { readonly flipped: Flipped; readonly seed: number }[]
  /** Those that found the flip, and served nothing of it. */
  readonly refused: number
  /** Those that a flip did not keep from what was written: it hit what does not matter. */
  readonly unharmed: number
}

const REVISION = 41

export async function runFlips(
  flips: number,
  firstSeed = 1,
  say: (what: string) => void = () => {},
): Promise<FlipResult> {
  const text = JSON.stringify(GOOD)
  const published: Published = { revision: REVISION, text, digest: await digest(text) }
  const corrupt: { flipped: Flipped; seed: number }[] = []
  let unharmed = 0
  for (const way of FLIPPED) {
    const routes = await cold(published, way, undefined)
    if (routes?.revision !== REVISION) throw new Error(`without a flip, by way of ${way}, nothing is served either`)
  }
  for (let seed = firstSeed; seed < firstSeed + flips; seed++) {
    if ((seed - firstSeed) % 500 === 0) say(`flip ${seed - firstSeed + 1} of ${flips}`)
    const flipped = FLIPPED[seed % FLIPPED.length]!
    const routes = await cold(published, flipped, new Dice(seed))
    if (!routes) continue
    if (routes.revision === REVISION && routes.digest === published.digest) unharmed += 1
    else corrupt.push({ flipped, seed })
  }
  return { flips, corrupt, refused: flips - unharmed - corrupt.length, unharmed }
}

/** What an isolate serves at the end that has nothing but what one bit was flipped in; without dice none is. */
async function cold(published: Published, flipped: Flipped, dice: Dice | undefined): Promise<Routes | undefined> {
  const { revision, digest: hash, text } = published
  const spoil = (part: Flipped, value: string) => (dice && part === flipped ? flip(value, dice) : value)
  const told = { revision, digest: spoil("digest", hash), text: spoil("text", text) }
  const isNear = flipped === "text" || flipped === "digest"
  const source: SourceRpc = {
    pull: () => (isNear ? Promise.resolve({ newer: told }) : Promise.reject(new Error("down"))),
    confirm: async () => {},
    text: async () => undefined,
    keysSince: async () => undefined,
  }
  const lastKnown: LastKnown = {
    cached: async () => undefined,
    async find() {
      if (flipped === "kv") return readLastKnown(spoil("kv", writeLastKnown(published)))
      const head = readLastHead(spoil("cached head", writeLastHead(published)))
      return isNear || !head ? undefined : { ...head, text: spoil("cached text", text) }
    },
    keep: async () => {},
  }
  const around = { nowMs: () => 1_000_000, roll: () => 0.5, sleep: () => new Promise<never>(() => {}), log() {} }
  const background: Promise<unknown>[] = []
  const context = { waitUntil: (promise: Promise<unknown>) => void background.push(promise) }
  const snapshots = new Snapshots({ relay: () => source, root: () => source, lastKnown }, around, "isolate", [])
  const routes = snapshots.current(context)
  await Promise.all(background)
  return routes ?? snapshots.current(context) ?? (await snapshots.settled(0, context))
}

/** One bit of its UTF-8 bytes; what is no text after it arrives with a sign that says so, as from any decoder. */
function flip(text: string, dice: Dice): string {
  const bytes = new TextEncoder().encode(text)
  const at = dice.whole(0, bytes.length - 1)
  bytes[at]! ^= 1 << dice.whole(0, 7)
  return new TextDecoder().decode(bytes)
}
