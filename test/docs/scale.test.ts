/** The tables of the page on scale are the model's; this says when somebody changed one of the two. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { TABLES } from "#simulator/scale/page.ts"

const PAGE = readFileSync(join(import.meta.dirname, "../../docs/reference/scale.md"), "utf8")
const written = [...PAGE.matchAll(/^<!-- scale (\w+) -->\n([\s\S]*?)^<!-- \/scale -->$/gm)]

describe("the page on scale", () => {
  it("has every table once", () => {
    expect(written.map(([, name]) => name).sort()).toEqual(Object.keys(TABLES).sort())
  })

  it.each(written.map(([, name = "", table = ""]) => [name, table]))("says what the model says: %s", (name, table) => {
    expect(table.trim()).toBe(TABLES[name]!().trim())
  })
})
