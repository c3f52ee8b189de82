import { readFileSync } from "node:fs"
import { describe, expect, expectTypeOf, it } from "vitest"
import { defineMesh } from "#shared/config/define.ts"
import { documentSchema, jsonSchema } from "#shared/config/schema.ts"
import type { MeshDocument } from "#shared/model/document.ts"

type Json = { [key: string]: Json } & { description?: string }
const REPOSITORY = new URL("../../../", import.meta.url)
const read = (path: string) => readFileSync(new URL(path, REPOSITORY), "utf8")

describe("the JSON Schema", () => {
  it("is published as it is: `node scripts/schema.ts` writes it", () => {
    expect(JSON.parse(read("schema/weft.schema.json"))).toEqual(JSON.parse(JSON.stringify(jsonSchema())))
  })

  it("allows no key that it does not name", () => {
    const { $defs } = jsonSchema() as { $defs: Record<string, object> }
    for (const [id, definition] of Object.entries($defs)) {
      if ("properties" in definition)
        expect([id, definition]).toEqual([id, { ...definition, additionalProperties: false }])
    }
  })

  it("describes each field in the words of its type", () => {
    const { $defs } = jsonSchema() as { $defs: Json }
    const differing: string[] = []
    const names = ["document", "endpoint-document", "gateway-document", "match-document", "rewrite-document"]
    const sources = names.map((name) => read(`shared/model/${name}.ts`))
    for (const { type, field, words } of sources.flatMap(commentsOf)) {
      const property = $defs[type]?.properties?.[field] as { description?: string } | undefined
      if (property?.description !== words) differing.push(`${type}.${field}: ${property?.description} <> ${words}`)
    }
    expect(differing).toEqual([])
  })
})

describe("a document in a program", () => {
  it("is a document, checked by the compiler and by the schema", () => {
    const mesh = defineMesh({
      services: { web: {}, orders: { subsets: { v2: {} } } },
      routes: { shop: { hosts: ["*"], rules: [{ match: { path: "/a" }, backends: [{ service: "web" }] }] } },
    })
    expectTypeOf(mesh).toEqualTypeOf<MeshDocument>()
    expect(documentSchema.safeParse(mesh).success).toBe(true)
  })

  it("does not compile with a key that is unknown", () => {
    // @ts-expect-error: `service` is not `services`
    expect(documentSchema.safeParse(defineMesh({ service: {} })).success).toBe(false)
  })
})

/** The doc comments of fields: `interface XDocument { ... /** words *\/ field?: ... }`. */
function commentsOf(source: string): { type: string; field: string; words: string }[] {
  const found: { type: string; field: string; words: string }[] = []
  let type = ""
  const lines = source.split("\n")
  for (const [index, line] of lines.entries()) {
    type = /^export interface (?:(\w+)Document|MeshDocument)\b/.exec(line)?.[1] ?? type
    if (line.startsWith("export interface MeshDocument")) type = "MeshDocument"
    else if (/^export interface (?!\w+Document\b)/.test(line)) type = ""
    const words = /^ {2}\/\*\* (.+) \*\/$/.exec(line)?.[1]
    const field = /^ {2}(\w+)\??:/.exec(lines[index + 1] ?? "")?.[1]
    if (type !== "" && words && field) found.push({ type, field, words })
  }
  return found
}
