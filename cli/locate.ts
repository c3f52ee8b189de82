/** YAML and JSON text as documents, with a way from a problem's path back to its line and column. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments, type YAMLMap } from "yaml"
import type { Problem } from "#shared/model/problem.ts"

export interface Place {
  readonly line: number
  readonly column: number
  /** How many steps of the path exist in the document. */
  readonly depth: number
}

export type Locate = (path: string, rule: string) => Place

export interface ParsedText {
  readonly content: unknown
  readonly problems: readonly Problem[]
  readonly locate: Locate
}

/** JSON is read as YAML: that is where places and duplicate keys come from. */
export async function parseText(text: string, file: string): Promise<ParsedText[]> {
  const lines = new LineCounter()
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false })
  if (!Array.isArray(documents)) return []
  return documents.map((document) => {
    const problems = [...document.errors, ...document.warnings].map((error): Problem => {
      const { line, col } = lines.linePos(error.pos[0])
      return { path: "", rule: "syntax", message: error.message, source: { file, line, column: col } }
    })
    return {
      content: problems.length === 0 ? contentOf(document, problems, file) : undefined,
      problems,
      locate: (path, rule) => locate(document.contents, path, rule, lines),
    }
  })
}

/** Values; too many aliases (a "billion laughs") are a problem. */
function contentOf(document: { toJS(): unknown }, problems: Problem[], file: string): unknown {
  try {
    return document.toJS()
  } catch (error) {
    problems.push({
      path: "",
      rule: "syntax",
      message: (error as Error).message,
      source: { file },
    })
    return undefined
  }
}

/** Follows the path as far as the document goes. An unknown key is pointed at itself, a wrong value at the value. */
function locate(root: Node | null, path: string, rule: string, lines: LineCounter): Place {
  let node: unknown = root
  let offset = root?.range?.[0] ?? 0
  let depth = 0
  for (let rest = path; rest !== ""; depth++) {
    const step = stepInto(node, rest)
    if (!step) break
    rest = step.rest
    node = step.node
    const value = isScalar(node) || isAlias(node) ? node.range?.[0] : undefined
    const atValue = rest === "" && rule !== "unknown-key" && value !== undefined
    offset = atValue ? value : (step.keyOffset ?? offset)
  }
  const { line, col } = lines.linePos(offset)
  return { line, column: col, depth }
}

interface Step {
  readonly node: unknown
  readonly keyOffset: number | undefined
  readonly rest: string
}

function stepInto(node: unknown, path: string): Step | undefined {
  if (isSeq(node)) {
    const [all, index] = /^\[(\d+)\]\.?/.exec(path) ?? []
    const item = all === undefined ? undefined : node.items[Number(index)]
    return item === undefined ? undefined : { node: item, keyOffset: offsetOf(item), rest: path.slice(all!.length) }
  }
  return isMap(node) ? stepIntoMap(node, path) : undefined
}

/** Keys may hold dots themselves (hosts, header names), so the longest key that fits is taken. */
function stepIntoMap(node: YAMLMap, path: string): Step | undefined {
  let best: { pair: YAMLMap["items"][number]; rest: string } | undefined
  for (const pair of node.items) {
    const key = isScalar(pair.key) ? String(pair.key.value) : undefined
    const rest = key === undefined ? undefined : restAfter(path, key)
    if (rest !== undefined && (!best || rest.length < best.rest.length)) best = { pair, rest }
  }
  return best && { node: best.pair.value, keyOffset: offsetOf(best.pair.key), rest: best.rest }
}

/** What is left of `path` after the step `key`, written `key`, `["key"]`; undefined when that is not its first step. */
function restAfter(path: string, key: string): string | undefined {
  for (const form of [key, `[${JSON.stringify(key)}]`]) {
    if (!path.startsWith(form)) continue
    const rest = path.slice(form.length)
    if (rest === "" || rest.startsWith("[")) return rest
    if (rest.startsWith(".")) return rest.slice(1)
  }
  return undefined
}

function offsetOf(node: unknown): number | undefined {
  return (node as Node | null)?.range?.[0]
}
