/** Hashes that are the same everywhere and for ever: for placing things, not for keeping secrets. */

/** 32 bits: FNV-1a over UTF-16 units, then a mixer that spreads texts that differ in one character. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** A place in [0, 1): what a throw of the dice is, but the same for the same text. */
export function unitHash(text: string): number {
  return hash32(text) / 0x1_0000_0000
}
