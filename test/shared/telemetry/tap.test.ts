import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { Tap, TapFilter } from "#shared/model/tap.ts"
import type { AccessRecord } from "#shared/telemetry/access-record.ts"
import { Quota } from "#shared/telemetry/quota.ts"
import { matches, TapBuffer, tapped } from "#shared/telemetry/tap.ts"

const RECORD = {
  ...{ atMs: 1_000, durationMs: 30, protocol: "http", from: undefined, to: "shop/orders", subset: "v2", method: "GET" },
  ...{ rule: "shop/main/0", host: "shop.example", path: "/orders/7", status: 503, refusal: "circuit_open" },
  ...{ attempts: 2, revision: 3, trace: { traceId: "a".repeat(32), spanId: "b".repeat(16), flags: "00" } },
} as unknown as AccessRecord
const HEADERS = new Headers({ "x-tenant": "acme", authorization: "Bearer secret" })

describe("a tap sees an exchange", () => {
  it.each<[string, TapFilter, TapFilter]>([
    ["from outside", { from: "public" }, { from: "shop/storefront" }],
    ["by its service", { to: "shop/orders" }, { to: "shop/order" }],
    ["by its route", { route: "shop/main" }, { route: "shop/mai" }],
    ["by its rule", { route: "shop/main/0" }, { route: "shop/main/1" }],
    ["by its method", { method: "GET" }, { method: "get" }],
    ["by the beginning of its path", { path: "/orders" }, { path: "/order/" }],
    ["by its status", { status: "503" }, { status: "504" }],
    ["by a class of statuses", { status: "5xx" }, { status: "4xx" }],
    ["by how long it took", { slowerThanMs: 30 }, { slowerThanMs: 31 }],
    ["by a header", { header: { name: "x-tenant" } }, { header: { name: "x-other" } }],
    [
      "by what a header says",
      { header: { name: "x-tenant", value: "acme" } },
      { header: { name: "x-tenant", value: "a" } },
    ],
    ["by the namespace of its service", { namespaces: ["shop"] }, { namespaces: ["public", "sho"] }],
  ])("%s, and no other", (_what, fitting, other) => {
    expect(matches(fitting, RECORD, HEADERS)).toBe(true)
    expect(matches(other, RECORD, HEADERS)).toBe(false)
    expect(matches({ ...fitting, ...other }, RECORD, HEADERS)).toBe(false)
  })

  it("of nobody's in the namespaces of a token", () => {
    expect(matches({ namespaces: ["shop"] }, { ...RECORD, to: undefined }, HEADERS)).toBe(false)
  })

  it("of an RPC call, which has no headers and no path", () => {
    const call = { ...RECORD, protocol: "rpc", method: "list", path: undefined, host: undefined } as AccessRecord
    expect(matches({ method: "list" }, call, undefined)).toBe(true)
    expect(matches({ path: "/" }, call, undefined)).toBe(false)
    expect(matches({ header: { name: "x-tenant" } }, call, undefined)).toBe(false)
  })
})

describe("what is shown", () => {
  it("has the header that was asked for, unless it is a secret", () => {
    const shown = (name: string) => tapped(RECORD, { header: { name } }, HEADERS, "AMS").header
    expect([shown("x-tenant"), shown("authorization"), shown("x-other")]).toEqual(["acme", "(secret)", undefined])
  })

  it("is no more than a viewer may see", () => {
    expect(Object.keys(tapped({ ...RECORD, user: "me", key: "k" }, {}, HEADERS, undefined)).sort()).toEqual(
      "atMs attempts durationMs host method path protocol refusal revision rule status subset to traceId".split(" "),
    )
  })
})

describe("how much is shown", () => {
  it("is so many a second, also when the clock goes back", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.array(fc.integer({ min: 0, max: 5_000 })), (limit, times) => {
        const quota = new Quota()
        const admitted = new Map<number, number>()
        for (const atMs of times.sort((a, b) => a - b)) {
          const second = Math.floor(atMs / 1000)
          if (quota.take(limit, atMs)) admitted.set(second, (admitted.get(second) ?? 0) + 1)
        }
        for (const count of admitted.values()) expect(count).toBeLessThanOrEqual(limit)
      }),
    )
  })

  const tap = (id: string, perSecond: number): Tap => ({ id, filter: {}, perSecond })

  it("is told with what was left out, for each tap by itself, and counted anew after that", () => {
    const buffer = new TapBuffer()
    for (let time = 0; time < 5; time++) buffer.offer([tap("few", 2), tap("many", 9)], RECORD, HEADERS, undefined, 0)
    const { exchanges, dropped } = buffer.take()
    expect([exchanges.filter(([id]) => id === "few").length, exchanges.length]).toEqual([2, 7])
    expect(dropped).toEqual([["few", 3]])
    expect([buffer.isEmpty, buffer.take()]).toEqual([true, { exchanges: [], dropped: [] }])
  })

  it("is bounded in an isolate whose shard takes nothing", () => {
    const buffer = new TapBuffer()
    for (let time = 0; time < LIMITS.tapHeldMax + 50; time++)
      buffer.offer([tap("t", 10_000)], RECORD, HEADERS, undefined, 0)
    const { exchanges, dropped } = buffer.take()
    expect([exchanges.length, dropped]).toEqual([LIMITS.tapHeldMax, [["t", 50]]])
  })
})
