/**
 * The documents in the documentation are documents: every `yaml` block of a page is compiled, in the order of the page and
 * onto what the blocks before it left, as a reader would apply them.
 */
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { compile } from "#shared/config/compile.ts"
import { readDocuments } from "#shared/config/text.ts"
import type { Resource } from "#shared/model/document.ts"

const ROOT = join(import.meta.dirname, "..", "..")
const PAGES = ["README.md", "examples/shop/README.md", ...globSync("docs/**/*.md", { cwd: ROOT })].sort()

interface Block {
  readonly page: string
  readonly line: number
  readonly text: string
}

function blocksOf(page: string): Block[] {
  const text = readFileSync(join(ROOT, page), "utf8")
  return [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map((found) => ({
    page,
    line: text.slice(0, found.index).split("\n").length,
    text: found[1]!,
  }))
}

const pages = PAGES.map((page) => [page, blocksOf(page)] as const).filter(([, blocks]) => blocks.length > 0)

describe("the documents in", () => {
  it.each(pages)("%s can be applied", (_page, blocks) => {
    let head: readonly Resource[] = []
    for (const [index, { page, line, text }] of blocks.entries()) {
      const { documents, problems } = readDocuments(text, `${page}:${line}`)
      const outcome = compile(head, { documents, prune: false, revision: index + 1 })
      expect([...problems, ...("problems" in outcome ? outcome.problems : [])]).toEqual([])
      if ("resources" in outcome) head = outcome.resources
    }
    expect(head).not.toEqual([])
  })

  it.each([
    ["ten-mistakes.yaml", 10],
    ["gateway-api.yaml", 0],
  ])("docs/examples/%s have as many problems as is said of them", (name, count) => {
    const file = join("docs/examples", name)
    const { documents } = readDocuments(readFileSync(join(ROOT, file), "utf8"), file)
    const outcome = compile([], { documents, prune: false, revision: 1 })
    const problems = "problems" in outcome ? outcome.problems : []
    expect(problems).toHaveLength(count)
    expect(problems.filter(({ path, hint }) => path === "" || hint === undefined)).toEqual([])
  })
})

describe("the commands of the README", () => {
  it("are the ones that continuous integration runs", () => {
    const readme = readFileSync(join(ROOT, "README.md"), "utf8")
    const ci = readFileSync(join(ROOT, ".ci/run"), "utf8")
    expect(readme).toContain("npm ci && npm start")
    expect(readme).toContain("npm ci && npm test")
    expect(ci.trimEnd().split("\n").at(-1)).toBe("npm ci && npm test")
  })
})
