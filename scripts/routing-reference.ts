/**
 * Writes the tables of `docs/reference/routing.md` from the doc comments of the model, between `<!-- fields … -->` and
 * `<!-- /fields -->`: `npx node scripts/routing-reference.ts`; with `--check` it only says whether the page is up to date.
 *
 *   <!-- fields Redirect -->   a row for each field of an interface
 *   <!-- kinds PathMatch -->   a row for each member of a union
 */
import { readFile, writeFile } from "node:fs/promises"

const COMMAND = "npx node scripts/routing-reference.ts"
const PAGE = new URL("../docs/reference/routing.md", import.meta.url)
const MODELS = ["document", "route", "rewrite", "policy"].map(
  (name) => new URL(`../shared/model/${name}.ts`, import.meta.url),
)

/** What documents call what the model calls otherwise: there the unit is in the value. */
const IN_DOCUMENTS: { readonly [field: string]: string } = {
  bodyBytesMax: "bodyBytes",
  maxAgeSeconds: "maxAge",
  backend: "service, subset",
  absent: "present: false",
  addresses: "address",
  afterMs: "after",
  beforeMs: "before",
}
/** What the control plane alone writes. */
const NOT_IN_DOCUMENTS = new Set(["invalid"])

const source = (await Promise.all(MODELS.map((file) => readFile(file, "utf8")))).join("\n")
const written = await readFile(PAGE, "utf8")
const page = written.replace(
  /^(<!-- (fields|kinds) (\w+) -->\n)[\s\S]*?^(<!-- \/\2 -->)$/gm,
  (_, head: string, what: string, names: string, end: string) =>
    `${head}\n${table(what === "kinds" ? kindsOf(names) : fieldsOf(names))}\n${end}`,
)

if (page === written) process.exitCode = 0
else if (process.argv.includes("--check")) {
  console.error(`docs/reference/routing.md is not what the model says; write it anew: ${COMMAND}`)
  process.exitCode = 1
} else await writeFile(PAGE, page)

interface Row {
  readonly name: string
  readonly words: string
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(({ name, words }) => `| \`${name}\` | ${words.replaceAll("|", "\\|")} |`)
  return ["| key | meaning |", "| --- | --- |", ...lines].join("\n").concat("\n")
}

function fieldsOf(name: string): Row[] {
  const known = fields(bodyOf("interface", name)).filter((row) => !NOT_IN_DOCUMENTS.has(row.name))
  return known.map((row) => {
    if (row.words === "") throw new Error(`${name}.${row.name} has no words`)
    return { ...row, name: IN_DOCUMENTS[row.name] ?? row.name }
  })
}

function kindsOf(name: string): Row[] {
  const members = bodyOf("type", name).matchAll(
    /(?:\/\*\*([\s\S]*?)\*\/\s*)?\| \{\s*readonly (?:kind|by|to): ("[\w"| ]+")/g,
  )
  return [...members].flatMap(([, comment, kinds = ""]) => {
    const words = proseOf(comment)
    if (words === "") throw new Error(`${name} ${kinds} has no words`)
    return [...kinds.matchAll(/"(\w+)"/g)].map(([, kind = ""]) => ({ name: IN_DOCUMENTS[kind] ?? kind, words }))
  })
}

/** The text of a declaration, up to the next one. */
function bodyOf(keyword: "interface" | "type", name: string): string {
  const start = source.search(new RegExp(`^export ${keyword} ${name}\\b`, "m"))
  if (start < 0) throw new Error(`the model has no ${name}`)
  const rest = source.slice(start)
  const end = rest.slice(1).search(/^(export|\/\*\*|const|declare|import) ?/m)
  return end < 0 ? rest : rest.slice(0, end + 1)
}

function fields(body: string): Row[] {
  const found = body.matchAll(/^ {2}(?:\/\*\*((?:(?!\*\/)[\s\S])*?)\*\/\n {2})?(?:readonly )?(\w+)\??:/gm)
  return [...found].map(([, comment, name = ""]) => ({ name, words: proseOf(comment) }))
}

function proseOf(comment = ""): string {
  return comment
    .replace(/^\s*\* ?/gm, " ")
    .replace(/\s+/g, " ")
    .trim()
}
