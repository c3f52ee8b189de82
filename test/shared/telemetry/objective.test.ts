import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Indicator } from "#shared/model/alerting.ts"
import { routeId, serviceId } from "#shared/model/names.ts"
import { byRoute, byService, countedMs, countsOf, indicatorKey } from "#shared/telemetry/objective.ts"
import type { Series } from "#shared/telemetry/series.ts"
import { SeriesTable } from "#shared/telemetry/series-table.ts"

const ORDERS = { kind: "service", id: serviceId("default", "orders") } as const
const SHOP = { kind: "route", id: routeId("default", "shop") } as const

function counted(requests: readonly { to?: string; rule?: string; status?: number; ms?: number }[]): readonly Series[] {
  const table = new SeriesTable()
  for (const { to = "default/orders", rule = "default/shop/0", status = 200, ms = 5 } of requests) {
    table.count(table.row("public", to, "", rule, "", status, ""), ms, 1, false, 0, 0)
  }
  return table.take()
}

describe("an indicator", () => {
  it.each<[string, Indicator, Parameters<typeof counted>[0], { total: number; bad: number }]>([
    [
      "counts 5xx of its service only",
      { of: ORDERS },
      [{ status: 503 }, { status: 404 }, { to: "default/orders-2", status: 500 }],
      { total: 2, bad: 1 },
    ],
    [
      "counts all rules of its route",
      { of: SHOP },
      [{ status: 503 }, { rule: "default/shop/checkout" }, { rule: "default/shop-2/0" }],
      { total: 2, bad: 1 },
    ],
    [
      "counts what its route delegates, and what is delegated to it",
      { of: SHOP },
      [{ rule: "default/shop/0>team/cart/1" }, { rule: "team/all/0>default/shop/1" }],
      { total: 2, bad: 0 },
    ],
    [
      "counts slow answers, and leaves out those that failed",
      { of: ORDERS, latencyMs: 250 },
      [{ ms: 250 }, { ms: 300 }, { ms: 5, status: 503 }],
      { total: 2, bad: 1 },
    ],
    [
      "is exact for few milliseconds",
      { of: ORDERS, latencyMs: 5 },
      [{ ms: 4 }, { ms: 5 }, { ms: 6 }],
      { total: 3, bad: 1 },
    ],
  ])("%s", (_story, indicator, requests, counts) => {
    const grouped = indicator.of.kind === "service" ? byService : byRoute
    expect(countsOf(grouped(counted(requests)), indicator)).toEqual(counts)
  })

  it("has a threshold near the one that was asked for, which tells fast from slow exactly", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600_000 }), fc.integer({ min: 0, max: 700_000 }), (latencyMs, ms) => {
        const threshold = countedMs(latencyMs)
        // Half of a bucket, which is a sixteenth of a factor of two.
        expect(Math.abs(threshold - latencyMs)).toBeLessThanOrEqual(
          latencyMs < 12 ? 0 : latencyMs * (2 ** (1 / 16) - 1) + 1,
        )
        const { bad } = countsOf(byService(counted([{ ms }])), { of: ORDERS, latencyMs })
        expect(bad).toBe(ms > threshold ? 1 : 0)
      }),
    )
  })

  it("is another one when it counts another thing, and the same when only the promise is another", () => {
    const keys = [{ of: ORDERS }, { of: SHOP }, { of: ORDERS, latencyMs: 250 }, { of: ORDERS, latencyMs: 300 }].map(
      indicatorKey,
    )
    expect(new Set(keys).size).toBe(4)
  })
})
