/**
 * Snapshots as text. The proxy decodes with this what the network brought: whatever is wrong with it becomes a reason to
 * refuse it now, never an exception later while a request waits. Fields that this version does not know are ignored; the
 * format's number rises when that could misread a mesh.
 */
import { canonicalJson } from "#shared/std/canonical-json.ts"
import { LIMITS } from "./limits.ts"
import { SNAPSHOT_FORMATS, type Snapshot, type SnapshotFormat } from "./snapshot.ts"
import { faultOf } from "./snapshot-shape.ts"

export type Decoded = { readonly snapshot: Snapshot } | { readonly reason: string }

/** The canonical text: equal meshes have equal texts. */
export function encode(snapshot: Snapshot): string {
  return canonicalJson(snapshot)
}

export function decode(text: string): Decoded {
  if (text.length > LIMITS.snapshotBytesMax) return { reason: `larger than ${LIMITS.snapshotBytesMax} bytes` }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { reason: "not JSON" }
  }
  if (typeof value !== "object" || value === null) return { reason: "not an object" }
  const { format } = value as { format?: unknown }
  if (!SNAPSHOT_FORMATS.includes(format as SnapshotFormat))
    return { reason: `format ${JSON.stringify(format)?.slice(0, 20)} is not known` }
  const fault = faultOf(value)
  return fault === undefined ? { snapshot: value as Snapshot } : { reason: fault }
}

/** SHA-256 in lower-case hex. */
export async function digest(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("")
}
