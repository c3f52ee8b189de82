import { describe, expect, it } from "vitest"
import { largeRemovals } from "#shared/config/removals.ts"

/** `-R` removes a route, `+S` adds a service. */
function changesOf(text: string) {
  return text
    .split(" ")
    .filter(Boolean)
    .map((step, index) => ({
      action: ({ "-": "remove", "+": "add", "~": "change" } as const)[step[0] as "-"],
      kind: step[1] === "R" ? "Route" : "Service",
      namespace: "default",
      name: `n${index}`,
    }))
}
const meshOf = (routes: number, services: number) => [
  ...Array.from({ length: routes }, () => ({ kind: "Route" })),
  ...Array.from({ length: services }, () => ({ kind: "Service" })),
]

describe("large removals", () => {
  it.each([
    ["nothing", 2, 2, "", []],
    ["changes and additions only", 1, 1, "~R +S", []],
    ["one of two", 2, 0, "-R", []],
    ["the last one", 1, 3, "-R", ["Route 1/1"]],
    ["the last one, for another", 1, 3, "-R +R", []],
    ["two of four", 4, 0, "-R -R", []],
    ["two of three", 3, 0, "-R -R", ["Route 2/3"]],
    ["all, for as many others", 3, 0, "-R -R -R +R +R +R", ["Route 3/3"]],
    ["each kind by itself", 3, 10, "-R -R -S -S", ["Route 2/3"]],
    ["both kinds", 2, 2, "-R -R -S -S", ["Route 2/2", "Service 2/2"]],
  ])("%s", (_, routes, services, text, expected) => {
    const found = largeRemovals(meshOf(routes, services), changesOf(text))
    expect(found.map(({ kind, removed, of }) => `${kind} ${removed}/${of}`)).toEqual(expected)
  })

  it("name what goes, but not a page of it", () => {
    const changes = changesOf(Array.from({ length: 50 }, () => "-R").join(" "))
    const [removal] = largeRemovals(meshOf(50, 0), changes)
    expect(removal?.names).toHaveLength(20)
    expect(removal?.names[0]).toBe("default/n0")
  })
})
