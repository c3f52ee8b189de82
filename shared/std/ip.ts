/**
 * IP addresses and networks, read strictly: a text that servers could read in two ways (leading zeros, zones, short forms) is none.
 * An IPv4 address in IPv6 clothes (`::ffff:10.0.0.1`) is the IPv4 address: it must not get past a list by its clothes.
 */

/** Four bytes, or sixteen. */
export type Address = readonly number[]

export interface Network {
  /** The first address of the network: bits beyond the prefix are zero. */
  readonly address: Address
  readonly prefixBits: number
}

const DECIMAL = /^(0|[1-9][0-9]{0,2})$/
const HEX = /^[0-9a-fA-F]{1,4}$/
const MAPPED_BITS = 96

/** Undefined for a text that is not exactly one address. */
export function parseAddress(text: string): Address | undefined {
  if (text.length > 45) return undefined
  return text.includes(":") ? unmapped(parseV6(text)) : parseV4(text)
}

/** `10.0.0.0/8`, `2001:db8::/32`, or a single address. Bits beyond the prefix are cut off. */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf("/")
  const written = slash < 0 ? text : text.slice(0, slash)
  const address = parseAddress(written)
  if (!address) return undefined
  const bits = address.length * 8
  if (slash < 0) return { address, prefixBits: bits }
  const length = text.slice(slash + 1)
  if (!DECIMAL.test(length)) return undefined
  // A prefix of the IPv6 form counts the bits of the clothes too.
  const prefixBits = Number(length) - (written.includes(":") && bits === 32 ? MAPPED_BITS : 0)
  return prefixBits >= 0 && prefixBits <= bits ? { address: masked(address, prefixBits), prefixBits } : undefined
}

/** Addresses of the two families are never in each other's networks. */
export function contains({ address: network, prefixBits }: Network, address: Address): boolean {
  if (network.length !== address.length) return false
  const whole = prefixBits >> 3
  for (let index = 0; index < whole; index++) if (network[index] !== address[index]) return false
  const rest = prefixBits & 7
  return rest === 0 || (address[whole]! & maskOf(rest)) === network[whole]
}

/** As people write it; of IPv6 without short forms. */
export function formatNetwork({ address, prefixBits }: Network): string {
  if (address.length === 4) return `${address.join(".")}/${prefixBits}`
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((address[2 * index]! << 8) | address[2 * index + 1]!).toString(16),
  )
  return `${groups.join(":")}/${prefixBits}`
}

function masked(address: Address, prefixBits: number): Address {
  return address.map((byte, index) => byte & maskOf(Math.min(8, Math.max(0, prefixBits - 8 * index))))
}

function maskOf(bits: number): number {
  return (0xff << (8 - bits)) & 0xff
}

function parseV4(text: string): Address | undefined {
  const parts = text.split(".")
  if (parts.length !== 4) return undefined
  const bytes = parts.map((part) => (DECIMAL.test(part) ? Number(part) : 256))
  return bytes.every((byte) => byte <= 255) ? bytes : undefined
}

function parseV6(text: string): Address | undefined {
  const halves = text.split("::")
  if (halves.length > 2) return undefined
  const [before, after] = halves.map((half, index) => groupsOf(half, index === halves.length - 1))
  if (!before || (halves.length === 2 && !after)) return undefined
  if (halves.length === 1) return before.length === 16 ? before : undefined
  const missing = 16 - before.length - after!.length
  // "::" stands for at least one group.
  return missing >= 2 ? [...before, ...new Array<number>(missing).fill(0), ...after!] : undefined
}

/** The bytes of groups between colons; the last of all may be an IPv4 address. */
function groupsOf(text: string, isLast: boolean): number[] | undefined {
  if (text === "") return []
  const bytes: number[] = []
  const groups = text.split(":")
  for (const [index, group] of groups.entries()) {
    const v4 = isLast && index === groups.length - 1 && group.includes(".") ? parseV4(group) : undefined
    if (v4) bytes.push(...v4)
    else if (HEX.test(group)) bytes.push(Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff)
    else return undefined
  }
  return bytes
}

function unmapped(address: Address | undefined): Address | undefined {
  if (!address) return undefined
  const isMapped = address.slice(0, 10).every((byte) => byte === 0) && address[10] === 0xff && address[11] === 0xff
  return isMapped ? address.slice(12) : address
}
