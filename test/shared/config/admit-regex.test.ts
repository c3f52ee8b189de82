import { describe, expect, it } from "vitest"
import { compile } from "#shared/config/compile.ts"
import { LIMITS } from "#shared/model/limits.ts"

/** Each as large as one expression may be. */
const large = (index: number) => `/${String(index).padStart(4, "0")}${"x?".repeat(LIMITS.regexProgramMax / 2 - 10)}`

function compileWith(matches: readonly object[]) {
  const rules = matches.map((match) => ({ match, filters: [{ respond: { status: 200 } }] }))
  const content = { routes: { shop: { hosts: ["shop.test"], rules } } }
  return compile([], { documents: [{ source: "mesh.yaml", content }], prune: false, revision: 1 })
}

const paths = (count: number) => Array.from({ length: count }, (_, index) => ({ path: { regex: large(index) } }))
const headers = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ headers: { "x-a": { regex: large(index) } } }))

describe("regular expressions that are small enough one by one", () => {
  it("are taken while a proxy can hold all of them", () => {
    expect(compileWith(paths(30))).not.toHaveProperty("problems")
  })

  it.each([
    ["in paths", paths(80)],
    ["in headers", headers(80)],
    ["in both", [...paths(25), ...headers(50).slice(25)]],
  ])("are refused when together they would take its memory, %s", (_, matches) => {
    expect(compileWith(matches)).toEqual({ problems: [expect.objectContaining({ rule: "regexes-too-large" })] })
  })

  it("count once, however often they are used", () => {
    expect(
      compileWith(Array.from({ length: 200 }, (_, index) => ({ path: { regex: large(7) }, query: { n: `${index}` } }))),
    ).not.toHaveProperty("problems")
  })
})
