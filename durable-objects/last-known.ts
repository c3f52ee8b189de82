/**
 * The last known good snapshot in a place that needs no object: a KV namespace, where the mesh has one. Isolates that start while all
 * objects are out of reach begin with it. The root writes it as if it were one more relay.
 */
import { LIMITS } from "#shared/model/limits.ts"
import { isUnmeant } from "#shared/model/snapshot.ts"
import { decode, digest } from "#shared/model/snapshot-codec.ts"
import { LAST_KNOWN_KEY, writeLastKnown } from "#shared/protocol/last-known.ts"
import type { Acknowledgement, Bulletin } from "#shared/protocol/relay.ts"
import type { Target } from "./outbox.ts"

/** Its name among the relays; no region has it. */
export const LAST_KNOWN = "kv"

/** News are of no interest to it. */
export const LAST_KNOWN_HAS_NONE: Acknowledgement = {
  ...{ revision: 0, digest: "", news: Number.MAX_SAFE_INTEGER, idle: false },
}

const PATIENCE_MS = 10_000

export function lastKnownTarget(namespace: KVNamespace | undefined): Target {
  return {
    async push({ head, text = "" }: Bulletin) {
      // What cannot be served is not known to be good: what was there before stays.
      const decoded = (await digest(text)) === head.digest ? decode(text) : { reason: "damaged" }
      if ("snapshot" in decoded && !isUnmeant(decoded.snapshot))
        await namespace?.put(LAST_KNOWN_KEY, writeLastKnown({ ...head, text }))
      return { ...LAST_KNOWN_HAS_NONE, revision: head.revision }
    },
    patienceMs: PATIENCE_MS,
    gapMs: LIMITS.lastKnownPauseMs,
  }
}
