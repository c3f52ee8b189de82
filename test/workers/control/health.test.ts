import { describe, expect, it } from "vitest"
import type { Service } from "#shared/model/service.ts"
import type { HealthRecord } from "#shared/protocol/health.ts"
import { changedChecks, healthOf } from "#workers/control/health.ts"

const binding = (name: string) => ({ kind: "binding", binding: name }) as const
const HEALTH = { check: { kind: "rpc", method: "ping" }, panicPercent: 50, intervalMs: 10_000 }

function service(name: string, places: string[], more: object = {}): Service {
  const endpoints = places.map(binding)
  return { id: `default/${name}`, endpoints, subsets: {}, policy: { health: HEALTH }, ...more } as unknown as Service
}
const snapshot = (...services: Service[]) => JSON.stringify({ services })
const orders = service("orders", ["A", "B"])

describe("the services whose checks a change concerns", () => {
  it.each([
    ["none when nothing changed", snapshot(orders), snapshot(orders), []],
    ["one that is new", "", snapshot(orders), ["default/orders"]],
    ["one that goes", snapshot(orders), snapshot(), ["default/orders"]],
    ["one whose places change", snapshot(orders), snapshot(service("orders", ["A"])), ["default/orders"]],
    [
      "one whose check changes",
      snapshot(orders),
      snapshot(service("orders", ["A", "B"], { policy: { health: { ...HEALTH, intervalMs: 5_000 } } })),
      ["default/orders"],
    ],
    [
      "one whose check goes",
      snapshot(orders),
      snapshot(service("orders", ["A", "B"], { policy: {} })),
      ["default/orders"],
    ],
    [
      "none that has no check",
      snapshot(service("a", ["A"], { policy: {} })),
      snapshot(service("a", ["B"], { policy: {} })),
      [],
    ],
  ])("are %s", (_what, before, after, expected) => {
    expect(changedChecks(before, after)).toEqual(expected)
  })
})

describe("how checks stand", () => {
  const record = (...unhealthy: string[]): HealthRecord => ({
    ...{ service: "default/orders", generation: 1, places: [], strict: false, forMs: 30_000, heardAtMs: 1_000 },
    unhealthy: unhealthy.map((place) => ({ place, because: "status 503", sinceMs: 500 })),
  })
  const one = (found: Service, records: HealthRecord[], nowMs = 2_000) => healthOf([found], records, nowMs)[0]

  it("is not told of services without checks", () => {
    expect(healthOf([service("orders", ["A"], { policy: {} })], [record("A")], 0)).toEqual([])
  })

  it("is silent before the first word, and when there is none for too long: then nothing is unhealthy", () => {
    expect(one(orders, [])).toEqual({ service: "default/orders", checked: 2, silent: true, unhealthy: [] })
    expect(one(orders, [record("A")], 31_001)).toMatchObject({ silent: true, heardAtMs: 1_000, unhealthy: [] })
    expect(one(orders, [record()], 31_001)).toMatchObject({ silent: false })
    expect(one(orders, [record()], 151_001)).toMatchObject({ silent: true })
  })

  it("says of each cluster what is unhealthy in it, and whether that is heeded", () => {
    const found = service("orders", ["A", "B"], { subsets: { v2: { name: "v2", endpoints: [binding("A")] } } })
    expect(one(found, [record("A")])).toMatchObject({
      checked: 2,
      silent: false,
      unhealthy: [
        { cluster: "default/orders", endpoint: "A", because: "status 503", sinceMs: 500, heeded: true },
        { cluster: "default/orders/v2", endpoint: "A", heeded: false },
      ],
    })
  })
})
