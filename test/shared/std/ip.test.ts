import { BlockList, isIP } from "node:net"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { contains, formatNetwork, parseAddress, parseNetwork } from "#shared/std/ip.ts"

describe("an address", () => {
  it.each([
    ["10.0.0.1", [10, 0, 0, 1]],
    ["255.255.255.255", [255, 255, 255, 255]],
    ["::ffff:10.0.0.1", [10, 0, 0, 1]],
    ["::FFFF:0a00:0001", [10, 0, 0, 1]],
    ["0:0:0:0:0:ffff:10.0.0.1", [10, 0, 0, 1]],
    ["::", new Array(16).fill(0)],
    ["2001:db8::1", [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]],
    ["1:2:3:4:5:6:7:8", [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]],
  ])("%s", (text, bytes) => {
    expect(parseAddress(text)).toEqual(bytes)
  })

  it.each([
    "",
    "10.0.0",
    "10.0.0.256",
    "10.0.0.01",
    "010.0.0.1",
    "0x0a.0.0.1",
    "10.0.0.1 ",
    "10.0.0.1:80",
    "[::1]",
    "::1%eth0",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    ":::",
    ":1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7::8",
    "12345::",
    "10.0.0.1::",
    "::10.0.0.1:5",
    "g::",
    `${"0".repeat(60)}`,
  ])("refuses %j", (text) => {
    expect(parseAddress(text)).toBeUndefined()
  })

  it("is one exactly when Node says so, but for zones and for eight groups with an empty one", () => {
    const part = fc.constantFrom("0", "1", "00", "ff", "ffff", "10", "255", "256", "", "12345", "g")
    const text = fc.tuple(fc.array(part, { maxLength: 9 }), fc.array(fc.constantFrom(":", ".", "::"), { maxLength: 9 }))
    fc.assert(
      fc.property(text, ([parts, seps]) => {
        const written = parts
          .map((one, index) => (index < parts.length - 1 ? one + (seps[index] ?? ":") : one))
          .join("")
        const isEmptyGroup = written.includes("::") && written.split(/::?/).filter((one) => one !== "").length > 7
        if (!isEmptyGroup) expect(parseAddress(written) !== undefined).toBe(isIP(written) !== 0)
      }),
      { numRuns: 5_000 },
    )
  })
})

describe("a network", () => {
  it.each([
    ["10.1.2.3/8", "10.0.0.0/8"],
    ["10.1.2.3", "10.1.2.3/32"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["192.168.5.0/23", "192.168.4.0/23"],
    ["::ffff:10.9.9.9/104", "10.0.0.0/8"],
    ["2001:db8:ffff::/33", "2001:db8:8000:0:0:0:0:0/33"],
  ])("%s is %s", (text, written) => {
    expect(formatNetwork(parseNetwork(text)!)).toBe(written)
  })

  it.each([
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/08",
    "10.0.0.0/-1",
    "::/129",
    "::ffff:10.0.0.0/95",
    "/8",
    "10.0.0.0/8/8",
  ])("refuses %s", (text) => {
    expect(parseNetwork(text)).toBeUndefined()
  })

  it("holds what Node's block list holds", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.ipV4().map((ip) => [ip, 32] as const),
          fc.ipV6().map((ip) => [ip, 128] as const),
        ),
        fc.nat(128),
        fc.oneof(fc.ipV4(), fc.ipV6()),
        fc.nat(64),
        ([base, bits], wanted, other, flips) => {
          const prefixBits = wanted % (bits + 1)
          const network = parseNetwork(`${base}/${prefixBits}`)
          // What Node takes as IPv4 in IPv6 clothes counts bits in another way.
          if (!network || network.address.length * 8 !== bits) return
          const blocks = new BlockList()
          blocks.addSubnet(base, prefixBits, bits === 32 ? "ipv4" : "ipv6")
          // A neighbour of the network is worth more than a stranger.
          const near = [...network.address]
          near[(flips >> 3) % near.length]! ^= 1 << (flips & 7)
          const neighbour = formatNetwork({ address: near, prefixBits: bits }).split("/")[0]!
          for (const address of [base, neighbour, other]) {
            const parsed = parseAddress(address)!
            if (parsed.length * 8 !== bits) continue
            expect(contains(network, parsed)).toBe(blocks.check(address, bits === 32 ? "ipv4" : "ipv6"))
          }
        },
      ),
      { numRuns: 3_000 },
    )
  })

  it("never holds an address of the other family", () => {
    expect(contains(parseNetwork("0.0.0.0/0")!, parseAddress("::1")!)).toBe(false)
    expect(contains(parseNetwork("::/0")!, parseAddress("10.0.0.1")!)).toBe(false)
    expect(contains(parseNetwork("10.0.0.0/8")!, parseAddress("::ffff:10.0.0.1")!)).toBe(true)
  })
})
