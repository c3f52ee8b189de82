import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { isLocalUrl, isPrivateHost, mayLeaveTo, NO_LOCAL_ORIGINS, parseLocalOrigins } from "#shared/std/egress.ts"

/** Spellings of one IPv4 address that URL parsers take. */
function spellings(address: number): string[] {
  const bytes = [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256)
  const hex = (n: number) => n.toString(16)
  return [
    String(address),
    `0x${hex(address)}`,
    `0${address.toString(8)}`,
    bytes.join("."),
    bytes.map((byte) => `0x${hex(byte)}`).join("."),
    bytes.map((byte) => `0${byte.toString(8)}`).join("."),
    `${bytes[0]}.${address % 2 ** 24}`,
    `${bytes[0]}.${bytes[1]}.${address % 2 ** 16}`,
    `${bytes.join(".")}.`,
    bytes
      .map((byte) => [...String(byte)].map((digit) => String.fromCodePoint(0xff10 + Number(digit))).join(""))
      .join("。"),
    `[::ffff:${bytes.join(".")}]`,
    `[::ffff:${hex(Math.floor(address / 65536))}:${hex(address % 65536)}]`,
    `[64:ff9b::${bytes.join(".")}]`,
    `[::${bytes.join(".")}]`,
    `[2002:${hex(Math.floor(address / 65536))}:${hex(address % 65536)}::1]`,
  ]
}

describe("where requests may leave to", () => {
  it.each([
    "https://api.example.com",
    "https://api.example.com:8443/base",
    "https://1.1.1.1",
    "https://[2606:4700::1111]",
    "https://xn--bcher-kva.example",
  ])("%s", (url) => {
    expect(mayLeaveTo(url, NO_LOCAL_ORIGINS)).toBe(true)
  })

  it.each([
    "http://api.example.com",
    "ftp://api.example.com",
    "file:///etc/passwd",
    "https://user@api.example.com",
    "https://:secret@api.example.com",
    "https://metadata.google.internal",
    "https://metadata.goog/",
    "https://instance-data",
    "https://db.corp",
    "https://orders.shop.svc",
    "http://localhost:9000",
    "https://localhost",
    "https://localhost..",
    "https://10.0.0.1..",
    "https://a..example.com",
    "not a url",
    "",
  ])("not %s", (url) => {
    expect(mayLeaveTo(url, NO_LOCAL_ORIGINS)).toBe(false)
  })

  it("never a private address, however it is written", () => {
    const blocks = [
      [0x0a000000, 0x0affffff],
      [0x7f000000, 0x7fffffff],
      [0xa9fe0000, 0xa9feffff],
      [0xac100000, 0xac1fffff],
      [0xc0a80000, 0xc0a8ffff],
      [0x64400000, 0x647fffff],
      [0xe0000000, 0xffffffff],
      [0, 0xffffff],
    ] as const
    const address = fc.oneof(...blocks.map(([min, max]) => fc.integer({ min, max })))
    fc.assert(
      fc.property(address, (one) => {
        for (const host of spellings(one)) {
          const url = `https://${host}/`
          if (mayLeaveTo(url, NO_LOCAL_ORIGINS)) throw new Error(`${url} may be left to`)
          // What is permitted on this machine is permitted by its plain spelling only.
          if (one !== 0x7f000001 && mayLeaveTo(url, "all")) throw new Error(`${url} may be left to as a local origin`)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

describe("this machine", () => {
  it("is reached where the operator names the origin, or all of them", () => {
    const one = parseLocalOrigins("http://localhost:9000, http://127.0.0.1:9001")
    expect(mayLeaveTo("http://localhost:9000/base", one)).toBe(true)
    expect(mayLeaveTo("http://127.0.0.1:9001", one)).toBe(true)
    expect(mayLeaveTo("http://127.0.0.1:9000", one)).toBe(false)
    expect(mayLeaveTo("http://localhost:22", one)).toBe(false)
    const all = parseLocalOrigins(" * ")
    expect(mayLeaveTo("http://localhost:22", all)).toBe(true)
    expect(mayLeaveTo("https://127.0.0.1", all)).toBe(true)
    expect(mayLeaveTo("http://10.0.0.1", all)).toBe(false)
    expect(mayLeaveTo("http://localhost.evil.test", all)).toBe(false)
    expect(mayLeaveTo("http://localhost@evil.test", all)).toBe(false)
  })

  it("is not reached by any other spelling, nor when nobody said so", () => {
    for (const url of ["http://2130706433", "http://127.1", "http://[::1]", "http://0x7f.0.0.1", "http://localhost."]) {
      expect(isLocalUrl(url)).toBe(false)
      expect(mayLeaveTo(url, "all")).toBe(false)
    }
    for (const variable of [undefined, "", " "]) {
      expect(mayLeaveTo("http://localhost", parseLocalOrigins(variable))).toBe(false)
    }
  })
})

describe("private hosts", () => {
  it.each(["10.1.2.3", "[fd00::1]", "printer.local", "printer.local.", "router.lan", "localhost"])("%s", (host) => {
    expect(isPrivateHost(host)).toBe(true)
  })

  it.each(["example.com", "example.com.", "8.8.8.8", "[2606:4700::1]", "local.example"])("not %s", (host) => {
    expect(isPrivateHost(host)).toBe(false)
  })
})
