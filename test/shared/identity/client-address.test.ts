import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type AddressClaims, NO_CLAIMS, trustedPeers } from "#shared/identity/client-address.ts"
import type { ClientAddress } from "#shared/model/route.ts"

const hops = (hops: number): ClientAddress => ({ header: "x-forwarded-for", trust: { by: "hops", hops } })
const peers = (...networks: readonly string[]): ClientAddress => {
  return { header: "x-forwarded-for", trust: { by: "peers", networks } }
}
const addressOf = (trust: ClientAddress, claims: Partial<AddressClaims>) =>
  trustedPeers(trust).addressOf({ ...NO_CLAIMS, ...claims })

const CLIENT = "203.0.113.7"
const CDN = "198.51.100.1"

describe("behind a known number of proxies", () => {
  it.each<[string, number, Partial<AddressClaims>, string | undefined]>([
    ["one, and the edge", 1, { edge: CDN, forwardedFor: CLIENT }, CLIENT],
    ["one, and an edge that appends too", 1, { edge: CDN, forwardedFor: `${CLIENT}, ${CDN}` }, CLIENT],
    [
      "one, and what the client wrote counts for nothing",
      1,
      { edge: CDN, forwardedFor: `10.0.0.1, ${CLIENT}` },
      CLIENT,
    ],
    ["two", 2, { edge: CDN, forwardedFor: `10.0.0.1, ${CLIENT}, 198.51.100.9` }, CLIENT],
    ["who came past the proxies is himself", 1, { edge: CLIENT }, CLIENT],
    ["fewer entries than proxies: who talks to the edge", 3, { edge: CDN, forwardedFor: CLIENT }, CDN],
    ["no edge: the last entry is by the one proxy", 1, { forwardedFor: `10.0.0.1, ${CLIENT}` }, CLIENT],
    ["no edge, two proxies", 2, { forwardedFor: `10.0.0.1, ${CLIENT}, 198.51.100.9` }, CLIENT],
    ["no edge, no header", 1, {}, undefined],
    ["not an address", 1, { edge: CDN, forwardedFor: "<script>" }, undefined],
    ["an empty entry", 1, { edge: CDN, forwardedFor: "10.0.0.1," }, undefined],
    ["a port is no part of an address", 1, { edge: CDN, forwardedFor: `${CLIENT}:80` }, undefined],
    ["IPv6", 1, { edge: CDN, forwardedFor: "2001:db8::7" }, "2001:db8::7"],
  ])("%s", (_what, count, claims, expected) => {
    expect(addressOf(hops(count), claims)).toBe(expected)
  })

  it("is never moved by what stands left of the proxies' entries", () => {
    const chain = fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), { maxLength: 100 })
    fc.assert(
      fc.property(chain, fc.integer({ min: 1, max: 3 }), (forged, count) => {
        const honest = [CLIENT, "198.51.100.9", "198.51.100.8"].slice(0, count)
        const forwardedFor = [...forged, ...honest].join(", ")
        return addressOf(hops(count), { edge: CDN, forwardedFor }) === CLIENT
      }),
    )
  })
})

describe("behind proxies of known addresses", () => {
  it.each<[string, Partial<AddressClaims>, string | undefined]>([
    ["the first stranger from the right", { edge: CDN, forwardedFor: `10.0.0.1, ${CLIENT}, 198.51.100.77` }, CLIENT],
    ["who talks to the edge is a stranger", { edge: CLIENT, forwardedFor: "10.0.0.1" }, CLIENT],
    ["all are proxies", { edge: CDN, forwardedFor: "198.51.100.5, 198.51.100.6" }, "198.51.100.5"],
    ["no header", { edge: CDN }, CDN],
    ["not an address", { edge: CDN, forwardedFor: `${CLIENT}, unknown` }, undefined],
    [
      "IPv4 in IPv6's clothes is a proxy all the same",
      { edge: CDN, forwardedFor: `${CLIENT}, ::ffff:198.51.100.2` },
      CLIENT,
    ],
    ["without an edge nobody says who talks to the proxy", { forwardedFor: CLIENT }, undefined],
  ])("%s", (_what, claims, expected) => {
    expect(addressOf(peers("198.51.100.0/24"), claims)).toBe(expected)
  })
})

describe("the header Forwarded", () => {
  const trust: ClientAddress = { header: "forwarded", trust: { by: "hops", hops: 1 } }

  it.each([
    [`for=${CLIENT};proto=https`, CLIENT],
    [`For="${CLIENT}:4711"; by=203.0.113.43`, CLIENT],
    ['for=10.0.0.1, for="[2001:db8:cafe::17]:4711"', "2001:db8:cafe::17"],
    ["for=10.0.0.1, for=unknown", undefined],
    ["for=10.0.0.1, proto=https", undefined],
    ["for=_hidden", undefined],
  ])("%s", (forwarded, expected) => {
    expect(addressOf(trust, { edge: CDN, forwarded, forwardedFor: "10.9.9.9" })).toBe(expected)
  })
})
