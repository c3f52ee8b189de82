/** The last known good snapshot, where isolates find it that can reach no object: in KV, and in their data centre's cache. */
import { LIMITS } from "#shared/model/limits.ts"
import type { Published } from "#shared/model/snapshot.ts"
import { hash32 } from "#shared/std/hash.ts"
import type { Head } from "./relay.ts"

export const LAST_KNOWN_KEY = "weft/last-known"

/** What is kept of it. The seal shows when number and digest are not those that were written: a digest vouches for a text only. */
export function writeLastKnown({ revision, digest, text }: Published): string {
  return JSON.stringify({ revision, digest, seal: sealOf({ revision, digest }), text })
}

/** Undefined when it is none: what others wrote is read as if by strangers. The digest is for whoever adopts it to check. */
export function readLastKnown(json: string | null | undefined): Published | undefined {
  const value = parsed(json)
  const head = value && headOf(value)
  return head && typeof value.text === "string" ? { ...head, text: value.text } : undefined
}

/** The same without its text, which is kept elsewhere, under its digest. */
export function writeLastHead({ revision, digest }: Head): string {
  return JSON.stringify({ revision, digest, seal: sealOf({ revision, digest }) })
}

export function readLastHead(json: string | null | undefined): Head | undefined {
  const value = parsed(json)
  return value && headOf(value)
}

function headOf({ revision, digest, seal }: Record<string, unknown>): Head | undefined {
  if (!Number.isSafeInteger(revision) || (revision as number) <= 0 || typeof digest !== "string") return undefined
  const head: Head = { revision: revision as number, digest }
  return seal === sealOf(head) ? head : undefined
}

function sealOf({ revision, digest }: Head): number {
  return hash32(`${revision} ${digest}`)
}

function parsed(json: string | null | undefined): Record<string, unknown> | undefined {
  // The text within is JSON in JSON: escapes can make it longer, and hardly twice as long.
  if (!json || json.length > LIMITS.snapshotBytesMax * 2) return undefined
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
