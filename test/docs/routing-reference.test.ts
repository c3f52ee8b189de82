/** The tables of the routing page come from the model, and every key that a document may write there has an example. */
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { parse } from "yaml"
import { jsonSchema } from "#shared/config/schema.ts"

const ROOT = join(import.meta.dirname, "..", "..")
const PAGE = readFileSync(join(ROOT, "docs/reference/routing.md"), "utf8")
const DOCUMENTS = [...PAGE.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text = ""]) => parse(text) as unknown)

/** Every key of every object in the examples, with the key that the object stands under. */
function keysIn(value: unknown, under = "", found = new Set<string>()): Set<string> {
  if (Array.isArray(value)) for (const item of value) keysIn(item, under, found)
  else if (typeof value === "object" && value !== null) {
    for (const [key, inner] of Object.entries(value)) keysIn(inner, key, found.add(`${under}.${key}`))
  }
  return found
}

describe("the routing page", () => {
  it("is what the model says", () => {
    const { status, stderr } = spawnSync(process.execPath, ["scripts/routing-reference.ts", "--check"], {
      cwd: ROOT,
      encoding: "utf8",
    })
    expect({ status, stderr: stderr.replace(/^.*(ExperimentalWarning|trace-warnings).*\n/gm, "") }).toEqual({
      status: 0,
      stderr: "",
    })
  })

  const { $defs } = jsonSchema() as { $defs: Record<string, { properties: Record<string, object> }> }
  const written = keysIn(DOCUMENTS)
  it.each([
    ["Match", "match"],
    ["PathMatch", "path"],
    ["Filter", "filters"],
    ["Sticky", "sticky"],
    ["Redirect", "redirect"],
    ["Cors", "cors"],
    ["Backend", "backends"],
  ])("has an example of every key of %s", (type, under) => {
    // Shown in filters.md, and of no use in so small a mesh.
    const elsewhere = new Set(["redirect.scheme", "redirect.port", "cors.headers", "cors.exposeHeaders"])
    const keys = Object.keys($defs[type]!.properties).map((key) => `${under}.${key}`)
    expect(keys.filter((key) => !written.has(key) && !elsewhere.has(key))).toEqual([])
  })

  it("has an example of every way to compare a value", () => {
    const all = [...written].map((key) => key.split(".")[1])
    expect(Object.keys($defs.ValueMatch!.properties).filter((kind) => !all.includes(kind))).toEqual([])
  })
})
