/**
 * What a mesh asks of its objects and what it costs, at 10, 100,000 and 10,000,000 requests a second: `npm run scale`. The same tables
 * stand in `docs/reference/scale.md`, between `<!-- scale … -->` and `<!-- /scale -->`: `npm run scale -- --write` writes them there, and
 * `--check` says whether they are up to date.
 */
import { readFile, writeFile } from "node:fs/promises"
import { TABLES } from "#simulator/scale/page.ts"

const PAGE = new URL("../docs/reference/scale.md", import.meta.url)

const [mode] = process.argv.slice(2)
if (mode === undefined) {
  for (const [name, table] of Object.entries(TABLES)) console.log(`${name}\n\n${table()}`)
} else {
  const written = await readFile(PAGE, "utf8")
  const page = written.replace(
    /^(<!-- scale (\w+) -->\n)[\s\S]*?^(<!-- \/scale -->)$/gm,
    (_, head: string, name: string, end: string) => `${head}\n${TABLES[name]!()}\n${end}`,
  )
  if (mode === "--write") await writeFile(PAGE, page)
  else if (page !== written) {
    console.error("docs/reference/scale.md is not what the model says; write it anew: npm run scale -- --write")
    process.exitCode = 1
  }
}
