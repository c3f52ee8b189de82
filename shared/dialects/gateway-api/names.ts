/** Names of objects as names of the mesh: a Gateway may be called `public.web`, a part of an id is a label. */
import { isLabel } from "#shared/model/names.ts"
import { hash32 } from "#shared/std/hash.ts"

const HEAD_CHARS_MAX = 54

/** The name itself where it is a label, else one made of it that no other name has. */
export function labelOf(name: string): string {
  if (isLabel(name)) return name
  const head = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, HEAD_CHARS_MAX)
    .replace(/^-+|-+$/g, "")
  return `${head === "" ? "x" : head}-${hash(name)}`
}

/** Eight hex digits. */
export function hash(text: string): string {
  return hash32(text).toString(16).padStart(8, "0")
}
