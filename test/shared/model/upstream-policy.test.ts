import { describe, expect, it } from "vitest"
import { type Endpoint, placeOf } from "#shared/model/service.ts"
import { priorityOf } from "#shared/model/upstream-policy.ts"

describe("a priority", () => {
  it.each(["critical", "high", "default", "sheddable"])("is what it says: %s", (word) => {
    expect(priorityOf(word)).toBe(word)
  })

  it.each([null, undefined, "", "CRITICAL", "critical, sheddable", 1])("is the default when it is %j", (value) => {
    expect(priorityOf(value)).toBe("default")
  })
})

describe("the place of an endpoint", () => {
  it("does not depend on its share, and differs where anything else does", () => {
    const endpoints: Endpoint[] = [
      { kind: "binding", binding: "A" },
      { kind: "binding", binding: "A", version: { worker: "a", versionId: "1" } },
      { kind: "binding", binding: "A", version: { worker: "a", versionId: "2" } },
      { kind: "dispatch", binding: "A", worker: "a" },
      { kind: "url", url: "https://a.test/" },
    ]
    expect(new Set(endpoints.map(placeOf)).size).toBe(5)
    for (const endpoint of endpoints)
      expect(placeOf({ ...endpoint, weight: 3, region: "europe" })).toBe(placeOf(endpoint))
  })
})
