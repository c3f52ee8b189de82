/**
 * Where requests may leave to: public servers by https, and what the operator allows on his own machine. A host is judged in
 * the form that the platform's URL parser gives it, so that decimal, octal, hexadecimal, IPv4-in-IPv6 and full-width spellings
 * of an address are that address.
 *
 * What a public name resolves to cannot be seen here; a runtime that could reach private networks must be kept from it by its
 * own configuration. Cloudflare's cannot.
 */

/** Origins on this machine that may be reached, also without TLS: those listed, or all that are spelled plainly. */
export type LocalOrigins = ReadonlySet<string> | "all"

export const NO_LOCAL_ORIGINS: LocalOrigins = new Set()

/** A developer's own machine, spelled plainly. */
const LOCAL_URL = /^https?:\/\/(localhost|127\.0\.0\.1)(:\d{1,5})?(\/|$)/i
/** Names that lead into private networks (RFC 6762, appendix G, and what clusters and clouds add). */
const PRIVATE_SUFFIXES = [".localhost", ".local", ".localdomain", ".internal", ".intranet", ".private", ".corp"].concat(
  [".home", ".lan", ".home.arpa", ".svc"],
)
/** Names of a cloud's instance metadata that look public. */
const PRIVATE_NAMES = new Set(["metadata.goog"])

/** Address blocks that are not the public internet: [address, prefix length]. */
const PRIVATE_BLOCKS: readonly (readonly [string, number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["168.63.129.16", 32], // a cloud's metadata and health service, on a public address
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
]

/** `*`, or origins with commas between them: `http://localhost:9000,http://127.0.0.1:9001`. Absent: none. */
export function parseLocalOrigins(variable: string | undefined): LocalOrigins {
  if (variable === undefined || variable.trim() === "") return NO_LOCAL_ORIGINS
  if (variable.trim() === "*") return "all"
  return new Set(variable.split(",").map((origin) => origin.trim()))
}

/** Asked at every use: whether a request may be sent to `url`. The URL itself may have come from anywhere. */
export function mayLeaveTo(url: string, local: LocalOrigins): boolean {
  if (!URL.canParse(url)) return false
  const parsed = new URL(url)
  if (parsed.username !== "" || parsed.password !== "") return false
  if (isLocalUrl(url)) return local === "all" || local.has(parsed.origin)
  return parsed.protocol === "https:" && !isPrivateHost(parsed.hostname)
}

/** A URL of this machine that says so: `http://localhost:9000`, but not `http://2130706433`. */
export function isLocalUrl(url: string): boolean {
  return LOCAL_URL.test(url)
}

/** Whether a host, as `URL.hostname` gives it, is anything but a name or address of the public internet. */
export function isPrivateHost(hostname: string): boolean {
  const host = hostname.replace(/\.$/, "")
  if (host.startsWith("[")) return !isPublicIpv6(host.slice(1, -1))
  const ipv4 = ipv4Number(host)
  if (ipv4 !== undefined) return PRIVATE_BLOCKS.some(([block, length]) => inBlock(ipv4, block, length))
  // An empty label is none of a public name, and resolvers disagree about what is meant.
  if (host.split(".").includes("")) return true
  return !host.includes(".") || PRIVATE_NAMES.has(host) || PRIVATE_SUFFIXES.some((suffix) => host.endsWith(suffix))
}

/** Global unicast is 2000::/3; taken out are documentation, and the blocks that carry an IPv4 address to be unwrapped. */
function isPublicIpv6(address: string): boolean {
  const [first = "", second = ""] = address.split(":")
  const head = Number.parseInt(first || "0", 16)
  const next = Number.parseInt(second || "0", 16)
  if (head < 0x2000 || head > 0x3fff) return false
  if (head === 0x2002 || head === 0x3fff) return false
  return !(head === 0x2001 && (next < 0x200 || next === 0xdb8))
}

function ipv4Number(host: string): number | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(host)
  return parts ? parts.slice(1).reduce((sum, part) => sum * 256 + Number(part), 0) : undefined
}

function inBlock(address: number, block: string, prefixLength: number): boolean {
  const size = 2 ** (32 - prefixLength)
  return Math.floor(address / size) === Math.floor(ipv4Number(block)! / size)
}
