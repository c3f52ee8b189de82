import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { StalePolicy } from "#shared/model/policy.ts"
import { ageOf, type StaleAnswer, StaleShelf, shelfMs, staleKey, variedOf } from "#shared/resilience/stale.ts"

const POLICY: StalePolicy = { maxAgeMs: 300_000, ignoreHeaders: ["x-build"] }
const URL = "http://orders/list?page=1"
const request = (headers: Record<string, string> = {}, more = {}) => ({
  ...{ method: "GET", url: URL, headers: new Headers(headers) },
  ...more,
})
const keyOf = (headers?: Record<string, string>, more?: object) => staleKey(request(headers, more), POLICY)

describe("the key of an answer", () => {
  it.each([
    ["another URL", { url: "http://orders/list?page=2" }],
    ["a header that nobody knows", { headers: new Headers({ "x-user": "7" }) }],
    ["a caller of the mesh", { headers: new Headers({ "weft-from": "default/shop" }) }],
    ["another program", { headers: new Headers({ "user-agent": "curl" }) }],
    ["an origin", { headers: new Headers({ origin: "https://a.test" }) }],
    ["a quoted header that should hold none", { headers: new Headers({ "x-request-id": "<img>" }) }],
  ])("is another one with %s", (_what, more) => {
    expect(keyOf({}, more)).not.toBe(keyOf())
  })

  it.each<Record<string, string>>([
    { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" },
    { "x-request-id": "4f1c-77" },
    { "if-none-match": 'W/"abc", "def"' },
    { "x-build": "<anything>" },
    { "weft-deadline-ms": "250", "weft-attempt": "2", "weft-hops": "3" },
    { "cf-connecting-ip": "2001:db8::1", "x-forwarded-for": "2001:db8::1" },
    { "cache-control": "max-age=0" },
  ])("is the same with %j", (headers) => {
    expect(keyOf(headers)).toBe(keyOf())
  })

  it.each<[Record<string, string>, object?]>([
    [{ authorization: "Bearer a" }],
    [{ cookie: "a=b" }],
    [{ range: "bytes=0-" }],
    [{ "cache-control": "max-age=0, NO-CACHE" }],
    [{ "cache-control": "no-store" }],
    [{ pragma: "no-cache" }],
    [{}, { method: "HEAD" }],
    [{ "x-long": "x".repeat(9_000) }],
  ])("does not exist with %j %j", (headers, more) => {
    expect(keyOf(headers, more)).toBeUndefined()
  })

  it("tells any two requests apart that differ in a header which could matter (law)", () => {
    const name = fc.stringMatching(/^x-[a-z]{1,8}$/).filter((one) => one !== "x-build")
    const headers = fc.dictionary(name, fc.stringMatching(/^[!-~]{0,12}$/), { maxKeys: 4 })
    fc.assert(
      fc.property(headers, headers, (one, other) => {
        const same = JSON.stringify(Object.entries(one).sort()) === JSON.stringify(Object.entries(other).sort())
        expect(keyOf(one) === keyOf(other)).toBe(same)
      }),
    )
  })
})

describe("how long an answer may be given again", () => {
  it.each<[Record<string, string>, number]>([
    [{}, 300_000],
    [{ "cache-control": "max-age=60" }, 300_000],
    [{ age: "100" }, 300_000],
    [{ "cache-control": "max-age=60, must-revalidate" }, 60_000],
    [{ "cache-control": "max-age=60, must-revalidate", age: "45" }, 15_000],
    [{ "cache-control": "s-maxage=10, max-age=60" }, 10_000],
    [{ "cache-control": "max-age=60, stale-if-error=30" }, 90_000],
    [{ "cache-control": "max-age=60, stale-if-error=30", age: "80" }, 10_000],
    [{ "cache-control": "stale-if-error=86400" }, 300_000],
    [{ "cache-control": "stale-if-error=0" }, 0],
    [{ "cache-control": "max-age=600, proxy-revalidate" }, 300_000],
    [{ "cache-control": "must-revalidate" }, 0],
    [{ "cache-control": "private" }, 0],
    [{ "cache-control": 'max-age=60, private="x-user"' }, 0],
    [{ "cache-control": "public, no-cache" }, 0],
    [{ "cache-control": 'extension="no, no-store"' }, 300_000],
    [{ "cdn-cache-control": "no-store" }, 0],
    [{ "set-cookie": "a=b" }, 0],
    [{ vary: "accept, *" }, 0],
    [{ vary: "accept language" }, 0],
    [{ vary: "accept; q" }, 0],
    [{ vary: "accept ,, x-lang," }, 300_000],
    [{ "content-type": "text/event-stream; charset=utf-8" }, 0],
    [{ "cache-control": "max-age=abc, must-revalidate" }, 0],
  ])("%j: %i ms", (headers, expected) => {
    expect(shelfMs(200, new Headers(headers), POLICY)).toBe(expected)
  })

  it.each([201, 204, 206, 301, 304, 404, 500])("is no time at all for a %i", (status) => {
    expect(shelfMs(status, new Headers(), POLICY)).toBe(0)
  })
})

describe("a shelf", () => {
  const answer = (bytes: number, more: Partial<StaleAnswer> = {}): StaleAnswer => ({
    ...{ status: 200, headers: [], body: new ArrayBuffer(bytes), varied: [], bornAtMs: 0, untilMs: 1_000 },
    ...more,
  })
  const asked = request()

  it("gives an answer until its time is over", () => {
    const shelf = new StaleShelf()
    shelf.put("k", answer(10))
    expect(shelf.find("k", asked, 999)).toBeDefined()
    expect(shelf.find("k", asked, 1_000)).toBeUndefined()
    expect(shelf.bytes).toBe(0)
  })

  it("gives it only to who asks as it was asked for, where the answer says that this matters", () => {
    const shelf = new StaleShelf()
    const german = request({ "x-lang": "de" })
    shelf.put("k", answer(10, { varied: variedOf(new Headers({ vary: "X-Lang , accept" }), german) }))
    expect(shelf.find("k", german, 0)).toBeDefined()
    expect(shelf.find("k", request({ "x-lang": "fr" }), 0)).toBeUndefined()
    expect(shelf.find("k", asked, 0)).toBeUndefined()
  })

  it("forgets the longest unused first", () => {
    const shelf = new StaleShelf()
    for (let index = 0; index < LIMITS.staleEntriesMax; index++) shelf.put(`k${index}`, answer(1))
    shelf.find("k0", asked, 0)
    shelf.put("new", answer(1))
    expect(["k0", "k1", "new"].map((key) => shelf.find(key, asked, 0) !== undefined)).toEqual([true, false, true])
  })

  it("holds no more than it may, whatever is put and found (law)", () => {
    const steps = fc.array(
      fc.record({ key: fc.integer({ min: 0, max: 20 }), bytes: fc.integer({ min: 0, max: 2 * LIMITS.staleBytesMax }) }),
      { maxLength: 40 },
    )
    fc.assert(
      fc.property(steps, (puts) => {
        const shelf = new StaleShelf()
        const last = new Map<number, number>()
        for (const { key, bytes } of puts) {
          shelf.put(String(key), answer(bytes))
          last.set(key, bytes)
          expect(shelf.bytes).toBeLessThanOrEqual(LIMITS.staleBytesMax)
        }
        for (const [key, bytes] of last) {
          const found = shelf.find(String(key), asked, 0)
          if (found) expect(found.body!.byteLength).toBe(bytes)
        }
      }),
      { numRuns: 20 },
    )
  })

  it("can be asked by what any answer says that it varies by, if that is kept at all (law)", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab,;* \t*"()[]@é') }), (vary) => {
        const headers = { get: (name: string) => (name === "vary" ? vary : null), has: () => false }
        const answered = Object.assign(headers, { [Symbol.iterator]: () => [][Symbol.iterator]() })
        if (shelfMs(200, answered, POLICY) > 0) expect(() => variedOf(answered, asked)).not.toThrow()
      }),
    )
  })

  it("reads ages", () => {
    expect([ageOf(new Headers({ age: "5" })), ageOf(new Headers({ age: "-1" })), ageOf(new Headers())]).toEqual([
      5_000, 0, 0,
    ])
  })
})
