import { describe, expect, it } from "vitest"
import { policyField, type Standing, standingField } from "#shared/exchange/limit-fields.ts"
import type { RateLimit } from "#shared/model/rate-limit.ts"

function standing(left: number, perMs = 60_000, burst = 100): Standing {
  const limit = {
    ...{ id: "default/api/0/per-caller", name: "per-caller", requests: 100, perMs, burst, key: [] },
    ...{ scope: "mesh", cost: { kind: "fixed", tokens: 1 }, shadow: false, whenUnavailable: "allow", headers: true },
  }
  return { limit: limit as RateLimit, left }
}

describe("what callers are told of a limit", () => {
  it.each([
    ["the quota and its window", policyField(standing(3)), '"per-caller";q=100;w=60'],
    ["a window in whole seconds", policyField(standing(3, 1_500)), '"per-caller";q=100;w=2'],
    ["all is left", standingField(standing(100)), '"per-caller";r=100;t=0'],
    ["some is left, and when all will be", standingField(standing(40)), '"per-caller";r=40;t=36'],
    ["whole requests", standingField(standing(40.9)), '"per-caller";r=40;t=36'],
    ["nothing is left", standingField(standing(-2)), '"per-caller";r=0;t=60'],
    ["the time by the bucket, not by the window", standingField(standing(0, 60_000, 10)), '"per-caller";r=0;t=6'],
  ])("%s", (_what, field, expected) => {
    expect(field).toBe(expected)
  })
})
