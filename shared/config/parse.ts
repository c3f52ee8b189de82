/**
 * The first step of a change: what somebody wrote becomes resources, or problems, all of them at once. Nothing is looked
 * up here: whether the names in a document mean anything is `resolve`'s question.
 */
import type { MeshDocument, Note, Resource, SourcedDocument } from "#shared/model/document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { DEFAULT_NAMESPACE } from "#shared/model/names.ts"
import type { Problem } from "#shared/model/problem.ts"
import { formatPath, type Step } from "#shared/std/steps.ts"
import { complain, quote } from "./complaint.ts"
import { type Dialect, isNative, type Reading } from "./dialect.ts"
import { readForeign } from "./foreign.ts"
import { type Found, problemsOf } from "./issues.ts"
import { plainData } from "./plain.ts"
import { documentSchema } from "./schema.ts"

/** A resource before it has a place in history. */
export type Draft = Omit<Resource, "since">
export type ResourceKey = Pick<Resource, "kind" | "namespace" | "name">

/** The kinds of native documents, and the key that each stands under. */
export const SECTIONS = {
  services: "Service",
  gateways: "Gateway",
  routes: "Route",
  authentication: "Authentication",
  policies: "AccessPolicy",
  slos: "ServiceLevelObjective",
  receivers: "Receiver",
} as const

export interface Parsed {
  /** Those without a problem of their own. */
  readonly resources: Draft[]
  readonly problems: Problem[]
  /** Those that are declared but have problems: references to them are not wrong. */
  readonly broken: ResourceKey[]
  /** Of documents in other languages: what was read and is no resource. */
  readonly notes?: Note[]
}

/** Documents in a language other than the native one are read by the dialect that takes them. */
export function parse(document: SourcedDocument, dialects: readonly Dialect[] = []): Parsed {
  const { value, problems: impure } = plainData(document.content)
  const reading = readForeign(value, dialects)
  if (reading) return parseForeign(document, reading, impure)
  switch (dialectOf(value)) {
    case "native":
      return parseNative(document, value, impure)
    case "kubernetes": {
      const { apiVersion, kind } = value as { apiVersion: unknown; kind: unknown }
      const message = `${quote(`${apiVersion} ${kind}`)} is not supported`
      const problem = complain("kind-not-supported", message, "write a mesh document with services, gateways, routes")
      return { resources: [], problems: [locate(document, { path: ["kind"], complaint: problem })], broken: [] }
    }
  }
}

/** In which language a document is written. */
export function dialectOf(content: unknown): "native" | "kubernetes" {
  const isObject = typeof content === "object" && content !== null
  return isObject && "apiVersion" in content && "kind" in content ? "kubernetes" : "native"
}

/** The path of a resource's document, or of something in it. */
export function pathOf(resource: ResourceKey & { readonly spec?: unknown }, steps: readonly Step[] = []): string {
  // Other languages have one object a document, and paths that begin in it.
  if (!isNative({ spec: resource.spec })) return formatPath(steps)
  const section = Object.entries(SECTIONS).find(([, kind]) => kind === resource.kind)?.[0] ?? resource.kind
  return formatPath([section, resource.name, ...steps])
}

function parseForeign(
  document: SourcedDocument,
  { resources, found, broken, notes }: Reading,
  impure: readonly Found[],
): Parsed {
  const problems = [
    ...impure.map((one) => locate(document, one)),
    ...withoutEchoes(found, impure).map((one) => locate(document, one, (one as (typeof found)[number]).resource)),
  ]
  return { resources, problems: limited(problems), broken, notes }
}

function parseNative(document: SourcedDocument, value: unknown, impure: readonly Found[]): Parsed {
  const result = documentSchema.safeParse(value, { reportInput: true, jitless: true })
  const found = [...impure, ...(result.success ? [] : withoutEchoes(problemsOf(result.error.issues), impure))]
  const resources: Draft[] = []
  const broken: ResourceKey[] = []
  const wrong = new Set(found.map(({ path }) => JSON.stringify(path.slice(0, 2))))
  for (const draft of declared(value)) {
    const section = Object.entries(SECTIONS).find(([, kind]) => kind === draft.kind)![0]
    if (wrong.has(JSON.stringify([section, draft.name])) || wrong.has(JSON.stringify([section])))
      broken.push(keyOf(draft))
    else resources.push(draft)
  }
  const problems = found.map((one) => locate(document, one, ownerOf(one, value))).sort(byPosition)
  return { resources, problems: limited(problems), broken }
}

/** What a refused value leaves behind would be reported as missing: that is the same mistake once more. */
function withoutEchoes(found: readonly Found[], impure: readonly Found[]): Found[] {
  const holes = new Set(impure.flatMap(({ path }) => [JSON.stringify(path), JSON.stringify(path.slice(0, -1))]))
  return found.filter(({ path, complaint }) => {
    const empty = complaint.rule === "missing-key" || complaint.rule === "wrong-type"
    return !(empty && holes.has(JSON.stringify(path)))
  })
}

function* declared(value: unknown): Generator<Draft> {
  if (typeof value !== "object" || value === null) return
  const document = value as MeshDocument
  const namespace = typeof document.namespace === "string" ? document.namespace : DEFAULT_NAMESPACE
  for (const [section, kind] of Object.entries(SECTIONS)) {
    const entries = document[section as keyof typeof SECTIONS]
    if (typeof entries !== "object" || entries === null || Array.isArray(entries)) continue
    for (const [name, spec] of Object.entries(entries)) yield { kind, namespace, name, spec }
  }
}

function keyOf({ kind, namespace, name }: ResourceKey): ResourceKey {
  return { kind, namespace, name }
}

function ownerOf({ path }: Found, value: unknown): ResourceKey | undefined {
  const [section, name] = path
  const kind = SECTIONS[section as keyof typeof SECTIONS]
  if (!kind || typeof name !== "string") return undefined
  const { namespace } = value as MeshDocument
  return { kind, namespace: typeof namespace === "string" ? namespace : DEFAULT_NAMESPACE, name }
}

function locate(document: SourcedDocument, { path, complaint }: Found, resource?: ResourceKey): Problem {
  const at = formatPath(path)
  const source = { file: document.source, ...document.locate?.(at) }
  return { path: at, ...complaint, ...(resource && { resource }), source }
}

/** In the order of the text, where that is known. */
function byPosition({ source: a }: Problem, { source: b }: Problem): number {
  return (a?.line ?? 0) - (b?.line ?? 0) || (a?.column ?? 0) - (b?.column ?? 0)
}

/** A document that is wrong throughout is not a page for each line of it. */
export function limited(problems: readonly Problem[]): Problem[] {
  if (problems.length <= LIMITS.problemsMax) return [...problems]
  const rest = problems.length - LIMITS.problemsMax
  const last = { path: "", rule: "too-many-problems", message: `There are ${rest} further problems` }
  return [...problems.slice(0, LIMITS.problemsMax), last]
}
