/**
 * URLs that the mesh may send requests to. What a URL names is judged after the platform's own parser has made it
 * canonical, so that decimal, octal, hexadecimal and IPv4-in-IPv6 spellings of an address are that address.
 */
import { LIMITS } from "#shared/model/limits.ts"
import { type Complaint, complain, didYouMean, quote } from "./complaint.ts"
import { checkPath } from "./path-syntax.ts"

/** The only hosts that may be reached without TLS: a developer's own machine, spelled plainly. */
const LOCAL_HOSTS = ["localhost", "127.0.0.1"]
/** Names that lead into private networks or to a cloud's instance metadata. */
const PRIVATE_SUFFIXES = [".localhost", ".local", ".localdomain", ".internal", ".intranet", ".lan", ".home.arpa"]

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

export function checkUrl(text: string): Complaint | undefined {
  // First of all, so that no message below repeats a password.
  if (/^[^/?#]*\/*[^/?#\\]*@/.test(text)) {
    return complain("url-credentials", "A URL must not hold a user name or password", "keep secrets out of documents")
  }
  // The URL parser drops spaces and takes a backslash for a slash: what is read would differ from what is written.
  const url = !/[\s\\]/.test(text) && URL.canParse(text) ? new URL(text) : undefined
  if (!url || text.length > LIMITS.matchValueCharsMax) {
    return complain("bad-url", `${quote(text)} is not a URL`, 'write it like "https://api.example.com"')
  }
  const host = url.hostname.replace(/\.$/, "")
  const local = LOCAL_HOSTS.includes(host) && text.slice(url.protocol.length).startsWith(`//${host}`)
  if (url.protocol !== "https:" && !(url.protocol === "http:" && local)) {
    const hint = url.protocol === "http:" && !isPrivateHost(host) ? didYouMean(`https${text.slice(4)}`) : undefined
    return complain("bad-url-scheme", `${quote(text)} must be https; http is for localhost only`, hint)
  }
  if (!local && isPrivateHost(host)) {
    const hint = "reach private services through a service binding"
    return complain("private-address", `${quote(text)} leads to a private, local or metadata address`, hint)
  }
  if (/[?#]/.test(text)) {
    const hint = didYouMean(text.replace(/[?#].*$/s, ""))
    return complain("bad-url", `${quote(text)} must have neither query nor fragment`, hint)
  }
  const written = /^https?:\/\/[^/]+(\/.*)?$/i.exec(text)
  if (!written) return complain("bad-url", `${quote(text)} is not a URL`, didYouMean(canonicalUrl(text)))
  return written[1] === undefined ? undefined : checkPath(written[1])
}

/** The form in which a checked URL is kept: without a trailing slash, so that a request's path can follow it. */
export function canonicalUrl(text: string): string {
  const url = new URL(text)
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "")
}

/** Whether a canonical host (as `URL.hostname` gives it) is anything but a name or address of the public internet. */
export function isPrivateHost(host: string): boolean {
  if (host.startsWith("[")) return !isPublicIpv6(host.slice(1, -1))
  const ipv4 = ipv4Number(host)
  if (ipv4 !== undefined) return PRIVATE_BLOCKS.some(([block, length]) => inBlock(ipv4, block, length))
  return !host.includes(".") || PRIVATE_SUFFIXES.some((suffix) => host.endsWith(suffix))
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
