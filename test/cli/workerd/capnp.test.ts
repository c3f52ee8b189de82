import { describe, expect, it } from "vitest"
import { Embed, literal, type Value } from "#cli/workerd/capnp.ts"

describe("a literal", () => {
  it.each<[string, Value, string]>([
    ["text", "shop", '"shop"'],
    ["a flag", true, "true"],
    ["a file's content", new Embed("workers/a/index.js"), 'embed "workers/a/index.js"'],
    ["a list", ["a", "b"], '["a", "b"]'],
    ["an empty list", [], "[]"],
    ["a struct", { name: "a", isLive: false }, '(name = "a", isLive = false)'],
    ["a struct without what is not there", { name: "a", gone: undefined }, '(name = "a")'],
    ["text that would end it", 'a"b\\', '"a\\"b\\\\"'],
    ["lines", "a\nb", '"a\\nb"'],
    ["control characters", "\u0000\u001b\u007f", '"\\x00\\x1b\\x7f"'],
    ["letters beyond ASCII", "Grüße 🧵", '"Grüße 🧵"'],
  ])("is %s", (_what, value, text) => expect(literal(value)).toBe(text))

  it("takes an entry a line when it is long, and only then", () => {
    const long = "x".repeat(60)
    expect(literal({ list: [long, long], short: ["a"] })).toBe(
      `(\n  list = [\n    "${long}",\n    "${long}",\n  ],\n  short = ["a"],\n)`,
    )
  })
})
