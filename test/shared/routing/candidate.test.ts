import { describe, expect, it } from "vitest"
import { candidatesOf } from "#shared/routing/candidate.ts"
import { RegexPool } from "#shared/routing/regex.ts"
import { aRoute } from "./build.ts"

describe("candidates", () => {
  const routes = [
    aRoute({ name: "young", since: 2, rules: [["a", { path: "/long/prefix" }, { path: "=/exact" }]] }),
    aRoute({ name: "old", since: 1, rules: [["b"], ["c", { path: "/short" }]] }),
  ]
  const listed = (order: "specific" | "listed") =>
    candidatesOf(routes, order, new RegexPool()).map(
      ({ position, matched }) => `${position} ${matched.route.id} ${matched.match.path?.value ?? "any"}`,
    )

  it("are one a match, numbered in the order in which they win", () => {
    expect(listed("specific")).toEqual([
      "0 default/young /exact",
      "1 default/young /long/prefix",
      "2 default/old /short",
      "3 default/old any",
    ])
    expect(listed("listed")).toEqual([
      "0 default/old any",
      "1 default/old /short",
      "2 default/young /long/prefix",
      "3 default/young /exact",
    ])
  })
})
