import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { formatMemberPath, memberAt, parseMemberPath } from "#shared/std/member-path.ts"

describe("the way to a member", () => {
  it.each<[string, readonly string[] | undefined]>([
    ["sub", ["sub"]],
    ["realm_access.roles", ["realm_access", "roles"]],
    ["nested.nested-2.key2", ["nested", "nested-2", "key2"]],
    ["[https://example.com/roles]", ["https://example.com/roles"]],
    ["resource_access[my.app].roles", ["resource_access", "my.app", "roles"]],
    ["a[b][c]", ["a", "b", "c"]],
    ["https://example.com/roles", ["https://example", "com/roles"]],
    ["__proto__", ["__proto__"]],
    ["", undefined],
    [".a", undefined],
    ["a.", undefined],
    ["a..b", undefined],
    ["a[", undefined],
    ["a[]", undefined],
    ["a]b", undefined],
    ["[a]b", undefined],
    ["a.[b]", undefined],
  ])("%j is %j", (text, path) => {
    expect(parseMemberPath(text)).toEqual(path)
  })

  it("is read back as it was written", () => {
    const name = fc.string({ minLength: 1 }).filter((text) => !/[[\]]/.test(text))
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), (path) => {
        expect(parseMemberPath(formatMemberPath(path))).toEqual(path)
      }),
    )
  })
})

describe("the member there", () => {
  const value = { a: { b: ["x"], "c.d": null }, list: [{ b: 1 }], text: "abc" }
  it.each<[string, unknown]>([
    ["a.b", ["x"]],
    ["a[c.d]", null],
    ["a.b.0", undefined],
    ["a.b.length", undefined],
    ["list.b", undefined],
    ["text.length", undefined],
    ["toString", undefined],
    ["a.constructor", undefined],
    ["__proto__", undefined],
    ["a.x.y", undefined],
  ])("%s is %j", (path, expected) => {
    expect(memberAt(value, parseMemberPath(path)!)).toEqual(expected)
  })
})
