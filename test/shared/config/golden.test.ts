/**
 * One file a case: what was written, a line `---8<---`, and what becomes of it. `UPDATE_GOLDEN=1` writes the second half
 * anew; the difference is to be read before it is committed.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { stringify } from "yaml"
import { compile } from "#shared/config/compile.ts"
import { readDocuments } from "#shared/config/text.ts"

const FOLDER = new URL("../../golden/config/", import.meta.url)
const CUT = "---8<---\n"

describe("golden documents", () => {
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith(".yaml"))) {
    it(file, () => {
      const url = new URL(file, FOLDER)
      const [input = "", expected = ""] = readFileSync(url, "utf8").split(CUT)
      const outcome = stringify(outcomeOf(input), { lineWidth: 0, aliasDuplicateObjects: false })
      if (process.env.UPDATE_GOLDEN) writeFileSync(url, `${input}${CUT}${outcome}`)
      else expect(outcome).toBe(expected)
    })
  }
})

function outcomeOf(input: string): object {
  const read = readDocuments(input, "mesh.yaml")
  const compiled = compile([], { documents: read.documents, prune: false, revision: 1 })
  const problems = [...read.problems, ...("problems" in compiled ? compiled.problems : [])]
  if ("problems" in compiled || problems.length > 0) {
    return problems.map(({ path, rule, message, hint, source }) => {
      return { path, rule, message, ...(hint && { hint }), at: `${source?.line}:${source?.column}` }
    })
  }
  return JSON.parse(compiled.text) as object
}
