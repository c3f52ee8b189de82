/** A mesh made of manifests, and the questions that tests ask of it. */
import { compile } from "#shared/config/compile.ts"
import { readDocuments } from "#shared/config/text.ts"
import type { Note, Resource } from "#shared/model/document.ts"
import type { Problem } from "#shared/model/problem.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"

export interface MeshOf {
  readonly snapshot: Snapshot
  readonly resources: readonly Resource[]
  readonly notes: readonly Note[]
}

/** Manifests and native documents as one YAML text. Throws when they are refused. */
export function meshOf(yaml: string, head: readonly Resource[] = [], revision = 1): MeshOf {
  const compiled = compile(head, { documents: readDocuments(yaml, "mesh.yaml").documents, prune: false, revision })
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems, null, 2))
  return compiled
}

export function problemsOf(yaml: string): Problem[] {
  const { documents, problems } = readDocuments(yaml, "mesh.yaml")
  const compiled = compile([], { documents, prune: false, revision: 1 })
  return [...problems, ...("problems" in compiled ? compiled.problems : [])]
}

/** `invalid HTTPRoute/web spec.rules[0].backendRefs[0] ResolvedRefs BackendNotFound`, but for what simply applies. */
export function complaintsOf({ notes }: MeshOf): string[] {
  return notes
    .filter(({ outcome }) => outcome !== "applied" && outcome !== "ignored")
    .map((note) => `${note.outcome} ${note.kind}/${note.name} ${note.path} ${note.condition} ${note.reason}`)
}

/** A route in `infra` on the gateway `web` beside Services `one` and `two`, with this as its spec, in one line. */
export function routeWith(spec: string, kind = "HTTPRoute"): string {
  return `${WORLD}
---
${route("r", spec, "infra", kind)}`
}

export function route(name: string, spec: string, namespace = "infra", kind = "HTTPRoute"): string {
  return `apiVersion: gateway.networking.k8s.io/v1
kind: ${kind}
metadata: { name: ${name}, namespace: ${namespace} }
spec: ${spec}`
}

export function gateway(name: string, listeners: string, namespace = "infra"): string {
  return `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: ${name}, namespace: ${namespace} }
spec: { gatewayClassName: weft, listeners: ${listeners} }`
}

export function service(name: string, namespace = "infra"): string {
  return `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: { ports: [{ port: 80 }] }`
}

export const WORLD = [
  gateway("web", "[{ name: http, port: 80, protocol: HTTP }]"),
  service("one"),
  service("two"),
].join("\n---\n")
