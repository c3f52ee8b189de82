import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { admitTemplate, capture, fill } from "#shared/routing/template.ts"

const captures = (template: string, path: string) => {
  const admitted = admitTemplate(template)
  return "template" in admitted ? capture(admitted.template, path) : admitted.problem
}

describe("a template", () => {
  it("takes one segment by name or star, and the rest by two stars", () => {
    const table: readonly (readonly [string, string, object | undefined])[] = [
      ["/users/{id}", "/users/7", { id: "7" }],
      ["/users/{id}", "/users/", undefined],
      ["/users/{id}", "/users", undefined],
      ["/users/{id}", "/users/7/", undefined],
      ["/users/{id}/", "/users/7/", { id: "7" }],
      ["/users/{id=*}/orders", "/users/7/orders", { id: "7" }],
      ["/*/b", "/a/b", {}],
      ["/files/{rest=**}", "/files/a/b", { rest: "a/b" }],
      ["/files/{rest=**}", "/files/", { rest: "" }],
      ["/files/**", "/files", undefined],
      ["/**", "/", {}],
      ["/", "/", {}],
      ["/{constructor}", "/x", { constructor: "x" }],
    ]
    for (const [template, path, expected] of table) {
      expect([template, path, captures(template, path)]).toEqual([template, path, expected])
    }
  })

  it("is refused with a reason when it cannot be read", () => {
    for (const template of [
      "users",
      "/a{b}",
      "/{}",
      "/{a",
      "/a*",
      "/{a=x}",
      "/{__proto__}",
      "/{a}/{a}",
      "/**/a",
      "/***",
    ]) {
      expect([template, typeof captures(template, "/")]).toEqual([template, "string"])
    }
  })
})

describe("filling", () => {
  it("puts captures in their places, and nothing where there is none", () => {
    expect(fill("/v2/{id}/{rest=**}", { id: "7", rest: "a/b" })).toBe("/v2/7/a/b")
    expect(fill("/v2/{toString}/x", {})).toBe("/v2//x")
  })

  it("gives the path back when the same template captured it", () => {
    const segment = fc.stringMatching(/^[a-z0-9%~.-]{1,5}$/)
    fc.assert(
      fc.property(segment, segment, fc.array(segment), (one, two, rest) => {
        const path = `/a/${[one, two, ...rest].join("/")}`
        const found = captures("/a/{x}/{rest=**}", path)
        expect(fill("/a/{x}/{rest=**}", found as Record<string, string>)).toBe(path)
      }),
    )
  })
})
