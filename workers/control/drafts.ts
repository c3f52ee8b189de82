/** What the mesh would become: drafts of its next content, each made from one head, for one caller. */
import { trespasses } from "#shared/config/bounds.ts"
import { type CompileRequest, compile, declaredBy } from "#shared/config/compile.ts"
import { type LintInput, lint, newFindings } from "#shared/config/lint.ts"
import { keyText } from "#shared/config/merge.ts"
import { limited, type ResourceKey } from "#shared/config/parse.ts"
import { plan } from "#shared/config/plan.ts"
import type { Resource } from "#shared/model/document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { Finding, Problem } from "#shared/model/problem.ts"
import { isEmptyMesh, type Snapshot } from "#shared/model/snapshot.ts"
import { decode, encode } from "#shared/model/snapshot-codec.ts"
import type { ApplyRequest, Change, Note, Plan } from "#shared/protocol/control-api.ts"
import { type LocalOrigins, parseLocalOrigins } from "#shared/std/egress.ts"
import type { Call } from "./endpoint.ts"
import { cleanMessage } from "./input.ts"
import type { MeshAt } from "./mesh.ts"
import { type Bounds, limitsOf, outside, readable, visible, within } from "./namespaces.ts"
import { problem } from "./problems.ts"

/** The mesh's next content, made from one head. */
export interface Draft {
  readonly resources: readonly Resource[]
  readonly text: string
  readonly changes: readonly Change[]
  readonly message: string
  /** The mesh would have no services and no routes. */
  readonly isEmpty: boolean
  readonly notes?: readonly Note[]
  readonly findings?: readonly Finding[]
  readonly rollbackOf?: number
}

/** What a draft is made from, and for whom. */
export interface Base {
  readonly head: MeshAt
  readonly caller: Bounds
  readonly localOrigins: LocalOrigins
}

const EMPTY: Snapshot = { format: 1, services: [], gateways: [], routes: [] }
const NOTHING = { documents: [], prune: false }

export function baseOf({ caller, env }: Call<unknown, unknown, unknown>, head: MeshAt): Base {
  return { head, caller, localOrigins: parseLocalOrigins(env.WEFT_LOCAL_ORIGINS) }
}

/** What an apply makes of the mesh. Pruning removes what the caller may remove, and leaves the rest of the mesh alone. */
export function drafted(base: Base, request: ApplyRequest): Draft | Response {
  const { head, caller } = base
  const { documents, prune = false, message } = request
  let from: readonly Resource[] = head.resources
  if (caller.namespaces) {
    const declared = declaredBy(documents)
    const refusal = outside(caller, declared, (index) => declared[index]!) ?? elsewhere(caller, documents)
    if (refusal) return refusal
    const stays = new Set(declared.map(keyText))
    if (prune) from = from.filter((one) => stays.has(keyText(one)) || !within(caller, one.namespace))
  }
  const options = { documents, prune: prune && !caller.namespaces }
  const draft = compiled(base, from, options, message)
  if (draft instanceof Response || draft.resources.length > 0 || head.resources.length === 0) return draft
  // An empty file or a wrong folder looks just like this (rule R17).
  return invalid([
    {
      path: "",
      rule: "empty-mesh",
      message: "the documents declare nothing, and pruning would remove everything from the mesh",
      hint: "remove the last resources one by one if that is what you want",
    },
  ])
}

/** What the mesh is without one resource; undefined when it is not there. */
export function without(base: Base, gone: ResourceKey): Draft | Response | undefined {
  const { head } = base
  const rest = head.resources.filter((one) => keyText(one) !== keyText(gone))
  if (rest.length === head.resources.length) return undefined
  return compiled(base, rest, NOTHING, `Remove ${gone.kind} ${gone.namespace}/${gone.name}`)
}

/**
 * The target's very content, so that it needs no compiling: neither of it nor of the head, which may be what is broken. Only
 * a snapshot of a format that proxies no longer read is compiled anew.
 */
export function restored(base: Base, target: MeshAt, message: string | undefined): Draft | Response {
  const { head, caller } = base
  const decoded = decode(target.text)
  const draft =
    "reason" in decoded
      ? compiled({ ...base, caller: {} }, target.resources, NOTHING, message)
      : {
          resources: target.resources,
          text: target.text,
          changes: plan(head.resources, target.resources),
          message: cleanMessage(message, LIMITS.messageCharsMax),
          isEmpty: isEmptyMesh(decoded.snapshot),
        }
  if (draft instanceof Response) return draft
  const foreign = draft.changes.filter(({ namespace }) => !within(caller, namespace))
  if (foreign.length > 0) return tooWide(caller, foreign.length)
  const { resources, text } = draft
  const refusal = bounded(caller, head, { resources, text })
  return refusal ?? { ...draft, rollbackOf: target.revision }
}

/** A document that speaks for another namespace is refused even where it declares nothing. */
function elsewhere(caller: Bounds, documents: ApplyRequest["documents"]): Response | undefined {
  const named = documents.map(({ content }) => (content as { readonly namespace?: unknown } | null)?.namespace)
  const foreign = named.findIndex((one) => typeof one === "string" && !within(caller, one))
  if (foreign < 0) return undefined
  const message = "This namespace is none of this token's"
  const source = documents[foreign]!.source
  return problem(403, limitsOf(caller), {
    problems: [{ source: { file: source }, path: "namespace", rule: "namespace-not-allowed", message }],
  })
}

/** Most changes have nothing to say here. */
export function noted(draft: Pick<Draft, "notes" | "findings">, caller: Bounds): Pick<Plan, "notes" | "findings"> {
  const notes = visible(caller, draft.notes ?? [])
  const findings = (draft.findings ?? []).filter(({ resource }) => !resource || within(caller, resource.namespace))
  return { ...(notes.length > 0 && { notes }), ...(findings.length > 0 && { findings }) }
}

/** What the head had already, and the change does not touch, is not the change's to hear of. */
export function findingsOf(head: MeshAt, after: LintInput, changes: readonly Change[]): Finding[] {
  const found = lint(after)
  const decoded = found.length === 0 || head.text === "" ? undefined : decode(head.text)
  const known = decoded && "snapshot" in decoded ? lint({ resources: head.resources, snapshot: decoded.snapshot }) : []
  return newFindings(known, found, changes)
}

export function invalid(problems: readonly Problem[]): Response {
  const detail = problems.length === 1 ? "There is 1 problem." : `There are ${problems.length} problems.`
  return problem(422, detail, { problems })
}

function compiled(
  { head, caller, localOrigins }: Base,
  from: readonly Resource[],
  options: Pick<CompileRequest, "documents" | "prune">,
  message: string | undefined,
): Draft | Response {
  const result = compile(from, { ...options, revision: head.revision + 1, localOrigins })
  if ("problems" in result) return invalid(readable(caller, result.problems))
  const { resources, snapshot, notes } = result
  const isEmpty = isEmptyMesh(snapshot)
  // Nobody commits it without a second step (`confirm.ts`).
  const text = isEmpty ? encode({ ...snapshot, meantEmpty: true }) : result.text
  const refusal = bounded(caller, head, { resources, text })
  if (refusal) return refusal
  const changes = plan(head.resources, resources)
  const findings = findingsOf(head, { resources, snapshot }, changes)
  const cleaned = cleanMessage(message, LIMITS.messageCharsMax)
  return { resources, text, changes, notes, findings, message: cleaned, isEmpty }
}

type Content = Pick<MeshAt, "resources" | "text">

/** The refusal when the change reaches beyond the caller's namespaces. */
function bounded({ namespaces }: Bounds, head: Content, after: Content): Response | undefined {
  if (!namespaces) return undefined
  const problems = trespasses(contentOf(head), contentOf(after), namespaces)
  return problems.length === 0 ? undefined : problem(403, limitsOf({ namespaces }), { problems: limited(problems) })
}

/** A snapshot that this version cannot read grants nothing. */
function contentOf({ resources, text }: Content): LintInput {
  const decoded = decode(text)
  return { resources, snapshot: "snapshot" in decoded ? decoded.snapshot : EMPTY }
}

function tooWide(caller: Bounds, count: number): Response {
  const what = count === 1 ? "1 resource" : `${count} resources`
  return problem(403, `${limitsOf(caller)} This would also change ${what} elsewhere.`)
}
