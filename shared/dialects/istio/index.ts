/**
 * Istio's security API (https://istio.io) as a language of this mesh: AuthorizationPolicy and RequestAuthentication, read from
 * Kubernetes manifests. They become access policies and authentications beside the native ones.
 */
import { complain, hintFrom, quote } from "#shared/config/complaint.ts"
import type { Dialect, NativeNames, Reading, Translation } from "#shared/config/dialect.ts"
import { problemsOf } from "#shared/config/issues.ts"
import { groupOf } from "#shared/dialects/gateway-api/kinds.ts"
import { Notes } from "#shared/dialects/gateway-api/notes.ts"
import { asWritten } from "#shared/dialects/gateway-api/read.ts"
import type { Note, Resource } from "#shared/model/document.ts"
import { DEFAULT_NAMESPACE } from "#shared/model/names.ts"
import { translateAuthentications } from "./authentications.ts"
import { translatePolicies } from "./policies.ts"
import { SCHEMAS } from "./schema.ts"
import { Workloads } from "./workloads.ts"

export const istio: Dialect = { takes, read, translate }

const GROUP = "security.istio.io"

interface Written {
  readonly apiVersion?: unknown
  readonly kind?: unknown
  readonly metadata?: { readonly name?: unknown; readonly namespace?: unknown }
}

function takes(content: unknown): boolean {
  if (typeof content !== "object" || content === null) return false
  const { apiVersion, kind } = content as Written
  return typeof apiVersion === "string" && typeof kind === "string" && groupOf(apiVersion) === GROUP
}

function read(content: unknown): Reading {
  const { kind } = content as { readonly kind: string }
  const spec = asWritten(content as object)
  const { metadata } = spec as Written
  const { name, namespace } = typeof metadata === "object" && metadata !== null ? metadata : {}
  const key = {
    kind,
    namespace: typeof namespace === "string" ? namespace : DEFAULT_NAMESPACE,
    name: typeof name === "string" ? name : "",
  }
  const nothing: Reading = { resources: [], found: [], broken: [], notes: [] }
  if (kind === "PeerAuthentication") return { ...nothing, notes: [ignored(key)] }
  const schema = Object.hasOwn(SCHEMAS, kind) ? SCHEMAS[kind] : undefined
  if (!schema) {
    const known = [...Object.keys(SCHEMAS), "PeerAuthentication"]
    const complaint = complain(
      "unknown-kind",
      `The group ${quote(GROUP)} has no kind ${quote(kind)}`,
      hintFrom(kind, "kinds", known),
    )
    return { ...nothing, found: [{ path: ["kind"], complaint }] }
  }
  const result = schema.safeParse(spec, { reportInput: true, jitless: true })
  if (result.success) return { ...nothing, resources: [{ ...key, spec }] }
  const found = problemsOf(result.error.issues).map((one) => ({ ...one, resource: key }))
  return { ...nothing, found, broken: [key] }
}

function ignored({ kind, namespace, name }: Pick<Resource, "kind" | "namespace" | "name">): Note {
  const message = "callers inside the mesh are who their bindings say, always, and nobody else can be"
  return {
    kind,
    namespace,
    name,
    path: "",
    outcome: "ignored",
    condition: "Accepted",
    reason: "UnsupportedKind",
    message,
  }
}

function translate(resources: readonly Resource[], native: NativeNames): Translation {
  const notes = new Notes()
  const workloads = new Workloads(resources, native)
  const policies = translatePolicies(resources, native, workloads, notes)
  const authentications = translateAuthentications(resources, native, workloads, notes)
  return { services: [], gateways: [], routes: [], policies, authentications, notes: notes.all }
}
