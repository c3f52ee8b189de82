import { describe, expect, it } from "vitest"
import type { ServiceId } from "#shared/model/names.ts"
import type { Route } from "#shared/model/route.ts"
import type { Service } from "#shared/model/service.ts"
import { limitsApart, servicesApart } from "#shared/rollout/apart.ts"

const services = (all: Record<string, object>) => new Map(Object.entries(all)) as unknown as Map<ServiceId, Service>
const limit = (id: string, requests: number) => ({ id, requests, perMs: 1_000 })
const routes = (...rules: object[][]) =>
  [
    { id: "default/a", rules: rules.map((rateLimits, place) => ({ id: `default/a/${place}`, rateLimits })) },
  ] as unknown as Route[]

describe("services of a candidate", () => {
  it("are apart when they are new or otherwise, whatever the order of their fields", () => {
    const stable = services({ same: { id: "same", a: 1 }, changed: { policy: 1 }, gone: {} })
    const candidate = services({ same: { a: 1, id: "same" }, changed: { policy: 2 }, added: {} })
    expect(servicesApart(stable, candidate)).toEqual(new Set(["changed", "added"]))
  })
})

describe("rate limits of a candidate", () => {
  it("count for themselves when they are otherwise, and with the others when they are the same or new", () => {
    const stable = routes([limit("x", 10), limit("y", 10)])
    const candidate = routes([limit("x", 1), limit("y", 10)], [limit("z", 5)])
    const ids = limitsApart(stable, candidate, 7).flatMap(({ rules }) =>
      rules.flatMap(({ rateLimits }) => rateLimits?.map(({ id }) => id)),
    )
    expect(ids).toEqual(["x@7", "y", "z"])
  })

  it("leave routes as they are where none is", () => {
    const candidate = routes([limit("x", 10)])
    expect(limitsApart(routes([limit("x", 10)]), candidate, 7)).toBe(candidate)
  })
})
