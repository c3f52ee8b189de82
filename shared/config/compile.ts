/**
 * The life of a change in one function, for the control Worker and for `weft check` alike:
 *
 *   documents -> parse -> merge with the head -> resolve -> snapshot -> text, and the plan of what changes
 */
import { gatewayApi } from "#shared/dialects/gateway-api/index.ts"
import { istio } from "#shared/dialects/istio/index.ts"
import type { Change, Note, Resource, SourcedDocument } from "#shared/model/document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { Problem } from "#shared/model/problem.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import { encode } from "#shared/model/snapshot-codec.ts"
import type { LocalOrigins } from "#shared/std/egress.ts"
import { checkRegexesTogether } from "./admit-regex.ts"
import { complain, quote } from "./complaint.ts"
import { checkEgress } from "./egress-check.ts"
import { keyText, merge } from "./merge.ts"
import { type Draft, limited, type Parsed, parse, pathOf, type ResourceKey } from "./parse.ts"
import { plan } from "./plan.ts"
import { resolve } from "./resolve.ts"
import { keepSecrets } from "./secrets.ts"
import { checkSlashes } from "./slash-check.ts"

export interface CompileRequest {
  readonly documents: readonly SourcedDocument[]
  /** Also remove every resource that the documents do not declare. */
  readonly prune: boolean
  /** The number that the outcome will have. */
  readonly revision: number
  /** What of its own machine the mesh may reach. Absent: all, as for who checks documents before a mesh is asked. */
  readonly localOrigins?: LocalOrigins
}

export interface Compiled {
  readonly resources: Resource[]
  readonly snapshot: Snapshot
  /** The snapshot's canonical JSON. */
  readonly text: string
  readonly changes: Change[]
  /** What became of the documents' objects in other languages, and what is wrong with any such object of the mesh. */
  readonly notes: Note[]
}

/** The languages beside the native one. */
const DIALECTS = [gatewayApi, istio]

export function compile(
  head: readonly Resource[],
  request: CompileRequest,
): Compiled | { readonly problems: Problem[] } {
  const parsed = request.documents.map((document) => ({ document, ...parse(document, DIALECTS) }))
  const { drafts, problems: missing } = withSecrets(
    parsed.flatMap(({ resources }) => resources),
    head,
  )
  const broken = parsed.flatMap((one) => one.broken)
  const resources = merge(head, drafts, request)

  const sound = withoutBroken(resources, broken)
  const { snapshot, problems, notes } = resolve(sound, broken, DIALECTS)
  const origins = originsOf(parsed)
  const all = [
    ...parsed.flatMap((one) => one.problems),
    ...duplicates(parsed),
    ...[
      ...missing,
      ...problems,
      ...checkEgress(snapshot, sound, request.localOrigins ?? "all"),
      ...checkSlashes(snapshot),
    ].map((one) => located(one, origins)),
  ]
  if (all.length > 0) return { problems: limited(all) }

  const text = encode(snapshot)
  if (text.length > LIMITS.snapshotBytesMax) return { problems: [tooLarge(text.length)] }
  const regexes = checkRegexesTogether(snapshot)
  if (regexes) return { problems: [{ path: "", ...regexes }] }
  const declared = new Set(drafts.map(keyText))
  const told = notes.filter((note) => note.outcome === "invalid" || declared.has(keyText(note)))
  const ofDocuments = parsed.flatMap((one) => one.notes ?? [])
  return { resources, snapshot, text, changes: plan(head, resources), notes: worstFirst([...ofDocuments, ...told]) }
}

export interface Declaration extends ResourceKey {
  readonly path: string
  readonly source: { readonly file: string }
}

/** Whatever documents say anything of, well or badly: what somebody must be allowed to change who applies them. */
export function declaredBy(documents: readonly SourcedDocument[]): Declaration[] {
  return documents.flatMap((document) => {
    const { resources, broken } = parse(document, DIALECTS)
    return [...resources, ...broken].map((draft) => {
      const { kind, namespace, name } = draft
      return { kind, namespace, name, path: pathOf(draft), source: { file: document.source } }
    })
  })
}

/** What became of all objects in other languages than the native one. */
export function notesOf(resources: readonly Resource[]): Note[] {
  return resolve(resources, [], DIALECTS).notes
}

const GRAVITY: Readonly<Record<Note["outcome"], number>> = { applied: 3, ignored: 2, unsupported: 1, invalid: 0 }

/** In their order, unless they are more than can be told: then what simply applies goes first. */
function worstFirst(notes: readonly Note[]): Note[] {
  if (notes.length <= LIMITS.notesMax) return [...notes]
  return notes.toSorted((a, b) => GRAVITY[a.outcome] - GRAVITY[b.outcome]).slice(0, LIMITS.notesMax)
}

/** Markers that somebody read and wrote back stand for what the head has in their places. */
function withSecrets(drafts: readonly Draft[], head: readonly Resource[]): { drafts: Draft[]; problems: Problem[] } {
  const before = new Map(head.map((resource) => [keyText(resource), resource.spec]))
  const problems: Problem[] = []
  const kept = drafts.map((draft) => {
    const { spec, found } = keepSecrets(draft.spec, before.get(keyText(draft)))
    const { kind, namespace, name } = draft
    for (const { path, complaint } of found)
      problems.push({ path: pathOf(draft, path), ...complaint, resource: { kind, namespace, name } })
    return spec === draft.spec ? draft : { ...draft, spec }
  })
  return { drafts: kept, problems }
}

type Origins = ReadonlyMap<string, SourcedDocument>

function originsOf(parsed: readonly (Parsed & { document: SourcedDocument })[]): Origins {
  return new Map(
    parsed.flatMap(({ document, resources }) => resources.map((draft) => [keyText(draft), document] as const)),
  )
}

/** Problems that show only in the whole mesh are brought back to the place where somebody can mend them. */
function located(problem: Problem, origins: Origins): Problem {
  const origin = problem.resource && origins.get(keyText(problem.resource))
  return origin ? { ...problem, source: { file: origin.source, ...origin.locate?.(problem.path) } } : problem
}

/** Which of two wins would depend on the order of files. */
function duplicates(parsed: readonly (Parsed & { document: SourcedDocument })[]): Problem[] {
  const first = new Map<string, SourcedDocument>()
  const problems: Problem[] = []
  for (const { document, resources, broken } of parsed) {
    for (const resource of [...resources, ...broken]) {
      const other = first.get(keyText(resource))
      if (other) problems.push(duplicate(resource, document, other))
      else first.set(keyText(resource), document)
    }
  }
  return problems
}

function duplicate(resource: Omit<Draft, "spec">, document: SourcedDocument, other: SourcedDocument): Problem {
  const { kind, namespace, name } = resource
  const path = pathOf(resource)
  const position = other.locate?.(path)
  const where = position ? `${other.source}:${position.line}` : other.source
  const message = `The ${kind} ${quote(`${namespace}/${name}`)} is declared twice, first in ${where}`
  const source = { file: document.source, ...document.locate?.(path) }
  return {
    path,
    ...complain("duplicate-resource", message, "keep one of them"),
    resource: { kind, namespace, name },
    source,
  }
}

/** What the head holds of a resource that is about to be replaced says nothing about the mesh to come. */
function withoutBroken(resources: readonly Resource[], broken: Parsed["broken"]): Resource[] {
  const keys = new Set(broken.map(keyText))
  return resources.filter((resource) => !keys.has(keyText(resource)))
}

function tooLarge(chars: number): Problem {
  const message = `The compiled mesh has ${chars} characters; at most ${LIMITS.snapshotBytesMax} are allowed`
  return { path: "", rule: "snapshot-too-large", message, hint: "split it into several meshes" }
}
