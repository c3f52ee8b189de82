/**
 * Documents as text, YAML or JSON (which is YAML). For the CLI and Node only: YAML stays out of the Workers (rule S10).
 * Everything by which YAML surprises is refused or capped: aliases, merge keys, tags, duplicate and forbidden keys, depth.
 */
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type YAMLError,
} from "yaml"
import type { SourcedDocument } from "#shared/model/document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { Problem } from "#shared/model/problem.ts"
import { formatPath, parsePath, type Step } from "#shared/std/steps.ts"
import { type Complaint, complain, quote } from "./complaint.ts"
import { limited } from "./parse.ts"
import { FORBIDDEN_KEYS } from "./plain.ts"

export interface ReadDocuments {
  readonly documents: SourcedDocument[]
  readonly problems: Problem[]
}

type Position = { readonly line: number; readonly column: number }

/** What the core schema itself gives to plain values. */
const CORE_TAGS = new Set(
  ["str", "int", "float", "bool", "null", "map", "seq"].map((name) => `tag:yaml.org,2002:${name}`),
)

/** Of several documents in one text those with problems are left out. */
export function readDocuments(text: string, source: string): ReadDocuments {
  const bytes = new TextEncoder().encode(text).length
  if (bytes > LIMITS.documentBytesMax) {
    const message = `The text has ${bytes} bytes; at most ${LIMITS.documentBytesMax} are allowed`
    return { documents: [], problems: [{ path: "", ...complain("too-large", message), source: { file: source } }] }
  }
  const lines = new LineCounter()
  const parsed = parseText(text, lines)
  if (!parsed) {
    const complaint = complain("too-deep", `The text is nested deeper than ${LIMITS.documentDepthMax}`)
    return { documents: [], problems: [{ path: "", ...complaint, source: { file: source } }] }
  }
  const documents: SourcedDocument[] = []
  const problems: Problem[] = []
  for (const document of parsed) {
    const found = readDocument(document, source, (offset) => positionAt(lines, offset))
    problems.push(...found.problems)
    if (found.document) documents.push(found.document)
  }
  return { documents, problems: limited(problems) }
}

function parseText(text: string, lines: LineCounter): Document[] | undefined {
  try {
    return parseAllDocuments<Node, false>(text, {
      version: "1.2",
      schema: "core",
      merge: false,
      resolveKnownTags: false,
      stringKeys: true,
      // Checked below: the parser compares every key with every other.
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: "error",
      lineCounter: lines,
    }) as Document[]
  } catch (error) {
    // The parser recurses without a limit of its own.
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function readDocument(
  document: Document,
  file: string,
  positionOf: (offset: number) => Position,
): { document?: SourcedDocument; problems: Problem[] } {
  const problems: Problem[] = mainErrors(document).map((error) => ({
    path: "",
    ...syntaxComplaint(error),
    source: { file, ...positionOf(error.pos[0]) },
  }))
  if (problems.length > 0) return { problems }
  if (document.directives?.yaml.version !== "1.2") {
    const complaint = complain("yaml-version", "Only YAML 1.2 is read", 'remove the "%YAML" line')
    return { problems: [{ path: "", ...complaint, source: { file, ...positionOf(document.range?.[0] ?? 0) } }] }
  }
  const content = new Converter(document, (complaint, node, path) => {
    problems.push({ path: formatPath(path), ...complaint, source: { file, ...positionOf(node?.range?.[0] ?? 0) } })
  }).value(document.contents, [])
  if (problems.length > 0) return { problems }
  // Nothing between two `---`, or only comments.
  if (content === null || content === undefined) return { problems }
  return { document: { source: file, content, locate: (path) => locate(document, path, positionOf) }, problems }
}

/** Once the parser gave up for depth, what else it says is about the ruins. */
function mainErrors(document: Document): readonly YAMLError[] {
  const deep = document.errors.find((error) => error.code === "RESOURCE_EXHAUSTION")
  return deep ? [deep] : document.errors
}

/** Builds the value from the syntax tree, so that nothing is expanded before it is counted. */
class Converter {
  readonly #document: Document
  readonly #refuse: (complaint: Complaint, node: Node | null, path: readonly Step[]) => void
  #aliases = 0
  #values = 0

  constructor(document: Document, refuse: (complaint: Complaint, node: Node | null, path: readonly Step[]) => void) {
    this.#document = document
    this.#refuse = refuse
  }

  value(node: unknown, path: readonly Step[]): unknown {
    if (node === null || node === undefined || ++this.#values > LIMITS.documentValuesMax) return null
    const at = node as Node
    if (path.length > LIMITS.documentDepthMax) {
      return this.#refuse(
        complain("too-deep", `This is nested deeper than ${LIMITS.documentDepthMax}`),
        at,
        path.slice(0, 4),
      )
    }
    if (isAlias(at)) return this.#alias(at, path)
    if (at.tag !== undefined && !CORE_TAGS.has(at.tag)) {
      return this.#refuse(complain("yaml-tag", `The tag ${quote(at.tag)} is not allowed`), at, path)
    }
    if (isSeq(at)) return at.items.map((item, index) => this.value(item, [...path, index]))
    if (isMap(at)) return this.#map(at, path)
    return isScalar(at) ? this.#scalar(at.value, at, path) : null
  }

  #map(node: { items: { key: unknown; value: unknown }[] } & Node, path: readonly Step[]): unknown {
    const object: Record<string, unknown> = {}
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : String(key)
      const at = key as Node | null
      const here = [...path, name]
      if (FORBIDDEN_KEYS.has(name))
        this.#refuse(complain("forbidden-key", `The key ${quote(name)} is not allowed`), at, here)
      else if (name === "<<") this.#refuse(complain("merge-key", 'Merge keys ("<<") are not supported'), at, here)
      else if (Object.hasOwn(object, name)) {
        this.#refuse(
          complain("duplicate-key", `The key ${quote(name)} stands here twice`, "keep one of them"),
          at,
          here,
        )
      } else object[name] = this.value(value, here)
    }
    return object
  }

  #alias(node: Alias, path: readonly Step[]): unknown {
    if (++this.#aliases > LIMITS.aliasesMax) {
      if (this.#aliases > LIMITS.aliasesMax + 1) return null
      const message = `Aliases are followed more than ${LIMITS.aliasesMax} times`
      return this.#refuse(complain("too-many-aliases", message), node, path)
    }
    const target = node.resolve(this.#document)
    if (target) return this.value(target, path)
    return this.#refuse(complain("unknown-alias", `There is no anchor ${quote(node.source)} before this`), node, path)
  }

  #scalar(value: unknown, node: Node, path: readonly Step[]): unknown {
    if (value === null || typeof value === "string" || typeof value === "boolean") return value
    if (typeof value === "number" && Number.isFinite(value)) return value
    return this.#refuse(complain("bad-number", `${String(value)} is not a number that can be kept`), node, path)
  }
}

/** Where the key or the list item that a path leads to stands; where the path ends too early, the last step that is there. */
function locate(document: Document, path: string, positionOf: (offset: number) => Position): Position | undefined {
  const steps = parsePath(path)
  if (!steps) return undefined
  let node: Node | null | undefined = document.contents as Node | null
  let offset = node?.range?.[0]
  for (const step of steps) {
    if (isAlias(node)) node = node.resolve(document) as Node | undefined
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === step)
      if (!pair) break
      offset = (pair.key as Node).range?.[0]
      node = pair.value as Node | null
    } else if (isSeq(node) && typeof step === "number" && step < node.items.length) {
      node = node.items[step] as Node
      offset = node.range?.[0]
    } else break
  }
  return offset === undefined ? undefined : positionOf(offset)
}

function positionAt(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset)
  return { line, column: col }
}

function syntaxComplaint(error: YAMLError): Complaint {
  const message = error.message.split("\n")[0]!
  switch (error.code) {
    case "NON_STRING_KEY":
      return complain("bad-key", "A key must be a plain text")
    case "TAB_AS_INDENT":
      return complain("syntax", "Lines are indented by spaces, not tabs")
    case "RESOURCE_EXHAUSTION":
      return complain("too-deep", `The text is nested deeper than ${LIMITS.documentDepthMax}`)
    case "TAG_RESOLVE_FAILED":
      return complain("yaml-tag", message)
    default:
      return complain("syntax", message)
  }
}
