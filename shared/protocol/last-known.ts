/** The last known good snapshot, where isolates find it that can reach no object: in KV, and in their data centre's cache. */
import { LIMITS } from "#shared/model/limits.ts"
import type { Published } from "#shared/model/snapshot.ts"

export const LAST_KNOWN_KEY = "weft/last-known"

/** Undefined when it is none: what others wrote is read as if by strangers. The digest is for whoever adopts it to check. */
export function readLastKnown(json: string | null | undefined): Published | undefined {
  // The text within is JSON in JSON: escapes can make it longer, and hardly twice as long.
  if (!json || json.length > LIMITS.snapshotBytesMax * 2) return undefined
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return undefined
  }
  if (typeof value !== "object" || value === null) return undefined
  const { revision, digest, text } = value as Partial<Published>
  const isWhole = Number.isSafeInteger(revision) && revision! > 0
  return isWhole && typeof digest === "string" && typeof text === "string"
    ? { revision: revision!, digest, text }
    : undefined
}
