import { describe, expect, it } from "vitest"
import { admit } from "#shared/exchange/admit.ts"

describe("the priority that a request comes with", () => {
  const request = (value: string) => ({
    method: "GET",
    url: "http://orders/",
    headers: new Headers({ "weft-priority": value }),
  })

  it.each([
    ["service", "critical", "critical"],
    ["service", "urgent", "default"],
    ["gateway", "critical", "default"],
  ] as const)("through a %s with %j is %s", (door, value, expected) => {
    expect(admit(request(value), door, { edge: true, keepsAmbiguousNames: false })).toMatchObject({
      priority: expected,
    })
  })
})
