/**
 * Documents from files, folders, standard input and `weft.config.ts`. Each keeps the text it came from, so that a problem
 * that control found in the data can be shown at its line.
 */
import { readdir, readFile, realpath, stat } from "node:fs/promises"
import { basename, join, relative, resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { LIMITS } from "#shared/model/limits.ts"
import type { Problem } from "#shared/model/problem.ts"
import type { SourcedDocument } from "#shared/protocol/control-api.ts"
import type { Io } from "./io.ts"
import { type Locate, type Place, parseText } from "./locate.ts"

export interface Loaded {
  readonly documents: readonly SourcedDocument[]
  /** What kept a file from being read as a document at all. */
  readonly problems: readonly Problem[]
  /** Adds to each problem the line and column that it is about. */
  place<P extends Problem>(problems: readonly P[]): P[]
}

/** A document with where its parts stand in its file. A program has no places, only a file. */
interface Read {
  readonly file: string
  readonly content: unknown
  readonly locate?: Locate
}

/** Other tools' files that lie about in project folders. They are read when named, not when found. */
const FOREIGN =
  /^(package(-lock)?|tsconfig.*|jsconfig|biome|deno|wrangler|components)\.jsonc?$|^(docker-)?compose\.ya?ml$|^pnpm-.*\.ya?ml$/
const CONFIG = /^weft\.config\.(ts|js|mjs|mts)$/
const PROGRAM = /\.(ts|js|mjs|mts)$/
const DATA = /\.(ya?ml|json)$/

export async function loadDocuments(io: Io, paths: readonly string[]): Promise<Loaded> {
  const reads: Read[] = []
  const problems: Problem[] = []
  const seen = new Set<string>()
  for (const path of paths) {
    for (const file of path === "-" ? ["-"] : await filesOf(io, path, problems)) {
      // A link that leads nowhere, or in circles, is told of when it is read.
      const identity = file === "-" ? "-" : await realpath(resolve(io.cwd, file)).catch(() => file)
      if (seen.has(identity)) continue
      seen.add(identity)
      await read(io, file, reads, problems)
    }
  }
  if (reads.length === 0 && problems.length === 0)
    problems.push({ path: "", rule: "no-document", message: `there is no document in ${paths.join(", ")}` })
  const sourceOf = (index: number) => sourceName(reads, index)
  return {
    documents: reads.map(({ content, locate }, index) => ({
      source: sourceOf(index),
      content,
      ...(locate ? { locate: (path: string) => positionOf(locate(path, "")) } : {}),
    })),
    problems,
    place: (found) => found.map((problem) => placed(problem, reads, sourceOf)),
  }
}

/** The files that a path stands for: itself, or everything in the folder that looks like a document, sorted. */
async function filesOf(io: Io, path: string, problems: Problem[]): Promise<string[]> {
  const absolute = resolve(io.cwd, path)
  const found = await stat(absolute).catch((error: NodeJS.ErrnoException) => error)
  if (found instanceof Error) {
    problems.push(unreadable(path, found))
    return []
  }
  if (!found.isDirectory()) return [path]
  const files: string[] = []
  await walk(absolute, files)
  return files.sort().map((file) => relative(io.cwd, file) || file)
}

async function walk(folder: string, files: string[]): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name.startsWith(".") || entry.name === "node_modules") continue
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await walk(path, files)
    else if (CONFIG.test(entry.name) || (DATA.test(entry.name) && !FOREIGN.test(entry.name))) files.push(path)
  }
}

async function read(io: Io, file: string, reads: Read[], problems: Problem[]): Promise<void> {
  if (PROGRAM.test(file)) return readProgram(io, file, reads, problems)
  const text = await (file === "-" ? io.stdin() : readFile(resolve(io.cwd, file), "utf8")).catch(
    (error: NodeJS.ErrnoException) => error,
  )
  if (text instanceof Error) return void problems.push(unreadable(file, text))
  if (Buffer.byteLength(text) > LIMITS.documentBytesMax) return void problems.push(oversized(file))
  const documents = await parseText(text, file)
  if (documents.length > LIMITS.documentsMax) return void problems.push(tooMany(file, documents.length))
  for (const document of documents) {
    problems.push(...document.problems)
    if (document.problems.length === 0 && document.content !== null)
      reads.push({ file, content: document.content, locate: document.locate })
  }
}

async function readProgram(io: Io, file: string, reads: Read[], problems: Problem[]): Promise<void> {
  const problem = (message: string, hint?: string) =>
    void problems.push({
      path: "",
      rule: "unreadable",
      message,
      ...(hint ? { hint } : {}),
      source: { file },
    })
  try {
    const module: { default?: unknown } = await import(pathToFileURL(resolve(io.cwd, file)).href)
    if (module.default === undefined)
      return problem("it has no default export", "export default defineMesh({ services: {}, routes: {} })")
    // Through JSON: what control will see, without functions, dates or prototypes.
    reads.push({ file, content: JSON.parse(JSON.stringify(module.default)) })
  } catch (error) {
    problem(`${basename(file)} could not be run: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Documents of one file are told apart by number, so that a problem comes back to the right one. */
function sourceName(reads: readonly Read[], index: number): string {
  const { file } = reads[index]!
  const before = reads.slice(0, index).filter((read) => read.file === file).length
  return before === 0 ? file : `${file}#${before + 1}`
}

function placed<P extends Problem>(problem: P, reads: readonly Read[], sourceOf: (index: number) => string): P {
  const named = reads.findIndex((_, index) => sourceOf(index) === problem.source?.file)
  const candidates = named >= 0 ? [reads[named]!] : reads.filter((read) => isOf(problem.resource?.namespace, read))
  const located = candidates
    .flatMap((read) => {
      const place = read.locate?.(problem.path, problem.rule)
      return place ? [{ file: read.file, place }] : []
    })
    .sort((a, b) => b.place.depth - a.place.depth)[0]
  // Without a name, a document that does not have even the first step of the path is not the one.
  if (located && (named >= 0 || located.place.depth > 0))
    return { ...problem, source: { file: located.file, ...positionOf(located.place) } }
  return named >= 0 ? { ...problem, source: { file: reads[named]!.file } } : problem
}

function positionOf({ line, column }: Place): { line: number; column: number } {
  return { line, column }
}

/** Paths do not name the namespace: of two documents that hold the path, the resource's own is meant. */
function isOf(namespace: string | undefined, { content }: Read): boolean {
  const written = (content as { namespace?: unknown } | null)?.namespace ?? "default"
  return namespace === undefined || written === namespace
}

function unreadable(file: string, error: NodeJS.ErrnoException): Problem {
  const reason =
    error.code === "ENOENT" ? "there is no such file or folder" : `it cannot be read: ${error.code ?? error.message}`
  return { path: "", rule: "unreadable", message: reason, source: { file } }
}

function tooMany(file: string, count: number): Problem {
  const message = `it holds ${count} documents; at most ${LIMITS.documentsMax} are allowed`
  return { path: "", rule: "too-many-documents", message, source: { file } }
}

function oversized(file: string): Problem {
  const message = `it is larger than ${LIMITS.documentBytesMax / 1024 / 1024} MiB`
  return { path: "", rule: "too-large", message, source: { file } }
}
