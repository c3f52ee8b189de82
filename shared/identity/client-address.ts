/**
 * The public client's address. The platform's edge says who it talks to; where proxies of one's own stand before the edge, that is the
 * last of them, and the client stands in a header that they append to. How much of that header is believed is configured: everything
 * left of the last trusted proxy's own entry was written by who knows whom.
 */
import type { ClientAddress } from "#shared/model/route.ts"
import { type Address, contains, type Network, parseAddress, parseNetwork } from "#shared/std/ip.ts"

/** What came with a request about where it is from. */
export interface AddressClaims {
  /** The edge's own word; absent where no edge stands before the proxy. */
  readonly edge: string | undefined
  readonly forwardedFor: string | undefined
  readonly forwarded: string | undefined
}

/** Longer chains are cut: entries from the left count for nothing. */
const ENTRIES_MAX = 64

export const NO_CLAIMS: AddressClaims = { edge: undefined, forwardedFor: undefined, forwarded: undefined }

export interface TrustedPeers {
  addressOf(claims: AddressClaims): string | undefined
}

/** Undefined whenever it is not certain: an address that nobody vouches for must not be on anybody's list. */
export function trustedPeers({ header, trust }: ClientAddress): TrustedPeers {
  const networks = trust.by === "peers" ? trust.networks.flatMap((text) => parseNetwork(text) ?? []) : []
  return {
    addressOf(claims) {
      const said = header === "forwarded" ? forwardedBy(claims.forwarded) : listed(claims.forwardedFor)
      const chain = withEdge(said, claims.edge)
      if (trust.by === "peers") return firstStranger(chain, claims.edge, networks)
      // The last trusted proxy wrote down whom it talked to; the edge did the same for the last of all.
      const index = chain.length - trust.hops - (claims.edge === undefined ? 0 : 1)
      return index >= 0 ? canonical(chain[index]) : canonical(claims.edge)
    },
  }
}

/** The entries of `X-Forwarded-For`, the nearest last. */
function listed(header: string | undefined): string[] {
  return header === undefined
    ? []
    : header
        .split(",", -1)
        .slice(-ENTRIES_MAX)
        .map((entry) => entry.trim())
}

/** The same of `Forwarded` (RFC 7239). An entry without an address (`unknown`, `_secret`) is one that cannot be believed. */
function forwardedBy(header: string | undefined): string[] {
  return listed(header).map((element) => {
    for (const pair of element.split(";")) {
      const [name = "", value = ""] = pair.trim().split(/=(.*)/s)
      if (name.toLowerCase() !== "for") continue
      const node = value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
      return /^\[([^\]]*)\](?::\d{1,5})?$/.exec(node)?.[1] ?? node.replace(/^([\d.]+):\d{1,5}$/, "$1")
    }
    return ""
  })
}

/** Some edges append to the header themselves whom they talked to. */
function withEdge(chain: string[], edge: string | undefined): string[] {
  return edge === undefined || chain.at(-1) === edge ? chain : [...chain, edge]
}

/** From the nearest on, the first address that is no trusted proxy's; who talks to the edge must be one for the header to count. */
function firstStranger(
  chain: readonly string[],
  edge: string | undefined,
  networks: readonly Network[],
): string | undefined {
  if (edge === undefined) return undefined
  for (let index = chain.length - 1; index >= 0; index--) {
    const address = parseAddress(chain[index]!)
    if (!address) return undefined
    if (index === 0 || !isTrusted(address, networks)) return chain[index]
  }
  return undefined
}

function isTrusted(address: Address, networks: readonly Network[]): boolean {
  return networks.some((network) => contains(network, address))
}

function canonical(text: string | undefined): string | undefined {
  return text !== undefined && parseAddress(text) ? text : undefined
}
