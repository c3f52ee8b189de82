import { describe, expect, it } from "vitest"
import { addEntry, entryText } from "#cli/text-edit.ts"

const ORDERS = { binding: "ORDERS", service: "orders" }
const V2 = { binding: "ORDERS_V2", service: "orders-v2", entrypoint: "Api" }

describe("TOML", () => {
  it.each([
    ["an empty file", "", '[[services]]\nbinding = "ORDERS"\nservice = "orders"\n'],
    [
      "a file without services: at its end",
      '# proxy\nname = "weft" # ours\n\n[vars]\nA = "b"\n',
      '# proxy\nname = "weft" # ours\n\n[vars]\nA = "b"\n\n[[services]]\nbinding = "ORDERS"\nservice = "orders"\n',
    ],
    [
      "a file without a last line's end",
      'name = "weft"',
      'name = "weft"\n\n[[services]]\nbinding = "ORDERS"\nservice = "orders"\n',
    ],
    [
      "services in the middle: behind the last, and the next table keeps its comment",
      'name = "weft"\n\n# the shop\n[[services]]\nbinding = "CART" # cart\nservice = "cart"\n\n\n# objects\n[[migrations]]\ntag = "v1"\n',
      'name = "weft"\n\n# the shop\n[[services]]\nbinding = "CART" # cart\nservice = "cart"\n\n[[services]]\nbinding = "ORDERS"\nservice = "orders"\n\n# objects\n[[migrations]]\ntag = "v1"\n',
    ],
    [
      "props of a service belong to it",
      '[[services]]\nbinding = "A"\nservice = "a"\n[services.props]\nx = 1\n[vars]\nA = "b"\n',
      '[[services]]\nbinding = "A"\nservice = "a"\n[services.props]\nx = 1\n\n[[services]]\nbinding = "ORDERS"\nservice = "orders"\n\n[vars]\nA = "b"\n',
    ],
    [
      "lines that end as Windows ends them",
      'name = "weft"\r\n',
      'name = "weft"\r\n\r\n[[services]]\r\nbinding = "ORDERS"\r\nservice = "orders"\r\n',
    ],
    [
      "a list in one line",
      'services = [{ binding = "A", service = "a]" }] # all\n[vars]\n',
      'services = [{ binding = "A", service = "a]" }, { binding = "ORDERS", service = "orders" }] # all\n[vars]\n',
    ],
    [
      "a list over several lines, with comments",
      'services = [\n  # first\n  { binding = "A", service = "a" } # a\n]\n',
      'services = [\n  # first\n  { binding = "A", service = "a" }, # a\n  { binding = "ORDERS", service = "orders" }\n]\n',
    ],
    ["an empty list", "services = []\n", 'services = [ { binding = "ORDERS", service = "orders" } ]\n'],
    [
      "a list of an environment is not the one",
      'name = "weft"\n[env.staging]\nservices = []\n',
      'name = "weft"\n[env.staging]\nservices = []\n\n[[services]]\nbinding = "ORDERS"\nservice = "orders"\n',
    ],
  ])("%s", (_, before, after) => {
    expect(addEntry(before, "toml", ORDERS)).toBe(after)
  })

  it("writes the entrypoint", () => {
    expect(addEntry("", "toml", V2)).toBe(
      '[[services]]\nbinding = "ORDERS_V2"\nservice = "orders-v2"\nentrypoint = "Api"\n',
    )
  })
})

describe("JSON with comments", () => {
  const item = '{ "binding": "ORDERS", "service": "orders" }'
  it.each([
    [
      "a list over several lines keeps its comments and its trailing comma",
      '{\n  // proxy\n  "name": "weft",\n  "services": [\n    { "binding": "A", "service": "a" }, // a\n  ],\n}\n',
      `{\n  // proxy\n  "name": "weft",\n  "services": [\n    { "binding": "A", "service": "a" }, // a\n    ${item},\n  ],\n}\n`,
    ],
    [
      "a comma is added where there was none, before the comment",
      '{\n\t"services": [\n\t\t{ "binding": "A", "service": "a" } /* a */ // really\n\t]\n}\n',
      `{\n\t"services": [\n\t\t{ "binding": "A", "service": "a" }, /* a */ // really\n\t\t${item}\n\t]\n}\n`,
    ],
    ["a list in one line", '{ "services": [{ "binding": "A]" }] }', `{ "services": [{ "binding": "A]" }, ${item}] }`],
    ["a quote in a string", '{ "services": [{ "x": "\\"]" }] }', `{ "services": [{ "x": "\\"]" }, ${item}] }`],
    ["an empty list", '{ "services": [] }', `{ "services": [ ${item} ] }`],
    [
      "no list yet: one is made, as the last member",
      '{\n    "name": "weft" // ours\n}\n',
      `{\n    "name": "weft", // ours\n    "services": [\n        ${item}\n    ]\n}\n`,
    ],
    [
      "a list of an environment, or in a comment or string, is not the one",
      '{\n  // "services": [\n  "vars": { "services": [], "x": "\\"services\\": [" },\n  "services": [{}]\n}',
      `{\n  // "services": [\n  "vars": { "services": [], "x": "\\"services\\": [" },\n  "services": [{}, ${item}]\n}`,
    ],
  ])("%s", (_, before, after) => {
    expect(addEntry(before, "json", ORDERS)).toBe(after)
  })

  it.each([["[]"], [""], ['{ "services": {} }']])("gives up on %j", (before) => {
    expect(addEntry(before, "json", ORDERS)).toBeUndefined()
  })
})

describe("entryText", () => {
  const caller = { binding: "ORDERS", service: "weft", entrypoint: "Sidecar", props: { from: "shop", to: "orders" } }
  it("is ready to paste", () => {
    expect(entryText("json", caller)).toBe(
      '{ "binding": "ORDERS", "service": "weft", "entrypoint": "Sidecar", "props": { "from": "shop", "to": "orders" } }',
    )
    expect(entryText("toml", caller)).toBe(
      '{ binding = "ORDERS", service = "weft", entrypoint = "Sidecar", props = { from = "shop", to = "orders" } }',
    )
  })
})
