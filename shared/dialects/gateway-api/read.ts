/**
 * Kubernetes objects to resources. A resource keeps its object as it was written, without what only a cluster's server
 * adds, so that it can be applied again. Kinds that mean nothing to a mesh are noted and left out.
 */
import { complain, hintFrom, quote } from "#shared/config/complaint.ts"
import type { Reading } from "#shared/config/dialect.ts"
import { problemsOf } from "#shared/config/issues.ts"
import type { ResourceKey } from "#shared/config/parse.ts"
import type { Note } from "#shared/model/document.ts"
import { DEFAULT_NAMESPACE } from "#shared/model/names.ts"
import { GATEWAY_GROUP, groupOf, RESOURCE_KINDS } from "./kinds.ts"
import { SCHEMAS } from "./schema.ts"

/** What a cluster's server, or a tool on the way, has written onto an object. */
const SERVER_METADATA = [
  "uid",
  "resourceVersion",
  "generation",
  "managedFields",
  "ownerReferences",
  "finalizers",
  "selfLink",
  "generateName",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
]
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

/** Kinds of the group that are known and mean nothing, or too much, here. */
const OTHER_KINDS: { readonly [kind: string]: readonly ["ignored" | "unsupported", string] } = {
  GatewayClass: ["ignored", "this mesh is the only implementation, so every Gateway is its own"],
  TLSRoute: ["unsupported", "TLS ends before a Worker runs"],
  TCPRoute: ["unsupported", "the mesh carries HTTP and RPC, not TCP"],
  UDPRoute: ["unsupported", "the mesh carries HTTP and RPC, not UDP"],
  BackendTLSPolicy: ["unsupported", "connections between Workers are the platform's"],
  ListenerSet: ["unsupported", "listeners stand in their Gateway"],
}

export function takes(content: unknown): boolean {
  return typeof content === "object" && content !== null && "apiVersion" in content && "kind" in content
}

export function read(content: unknown): Reading {
  const reading: Reading = { resources: [], found: [], broken: [], notes: [] }
  const { apiVersion, kind } = content as Written
  if (typeof apiVersion !== "string" || typeof kind !== "string") {
    const path = [typeof apiVersion === "string" ? "kind" : "apiVersion"]
    reading.found.push({ path, complaint: complain("wrong-type", "It must be a text") })
    return reading
  }
  const group = groupOf(apiVersion)
  if (RESOURCE_KINDS[kind]?.group === group) readResource(content, kind, reading)
  else readOther(content as object, group, kind, reading)
  return reading
}

interface Written {
  readonly apiVersion?: unknown
  readonly kind?: unknown
  readonly metadata?: unknown
}

function readResource(content: unknown, kind: string, reading: Reading): void {
  const spec = asWritten(content as object)
  const key = keyOf(spec, kind)
  const result = SCHEMAS[kind]!.safeParse(spec, { reportInput: true, jitless: true })
  if (result.success) {
    reading.resources.push({ ...key, spec })
    return
  }
  reading.broken.push(key)
  for (const { path, complaint } of problemsOf(result.error.issues)) {
    reading.found.push({ path, complaint, resource: key })
  }
}

function readOther(content: object, group: string, kind: string, reading: Reading): void {
  const [outcome, reason] = (group === GATEWAY_GROUP && OTHER_KINDS[kind]) || ["ignored", undefined]
  if (group === GATEWAY_GROUP && reason === undefined && !kind.startsWith("X")) {
    const known = [...Object.keys(RESOURCE_KINDS).filter((one) => RESOURCE_KINDS[one]!.group === group)]
    const message = `The group ${quote(group)} has no kind ${quote(kind)}`
    reading.found.push({
      path: ["kind"],
      complaint: complain("unknown-kind", message, hintFrom(kind, "kinds", [...known, ...Object.keys(OTHER_KINDS)])),
    })
    return
  }
  const { namespace, name } = keyOf(content, kind)
  const message = reason ?? "objects of this kind are no part of a mesh"
  const note: Note = {
    kind,
    namespace,
    name,
    path: "",
    outcome: reason === undefined && group === GATEWAY_GROUP ? "unsupported" : outcome,
    condition: "Accepted",
    reason: "UnsupportedKind",
    message,
  }
  reading.notes.push(note)
}

function keyOf(content: object, kind: string): ResourceKey {
  const { metadata } = content as Written
  const { name, namespace } = (typeof metadata === "object" && metadata !== null ? metadata : {}) as {
    name?: unknown
    namespace?: unknown
  }
  const row = RESOURCE_KINDS[kind]
  const isInNamespace = typeof namespace === "string" && row?.clusterWide !== true
  return {
    kind: row?.resource ?? kind,
    namespace: isInNamespace ? namespace : DEFAULT_NAMESPACE,
    name: typeof name === "string" ? name : "",
  }
}

/** Without what only a cluster's server adds. */
export function asWritten(content: object): object {
  const { status: _, ...rest } = withoutNulls(content) as Record<string, unknown>
  const { metadata } = rest
  if (typeof metadata !== "object" || metadata === null) return rest
  const kept = Object.entries(metadata).filter(([key]) => !SERVER_METADATA.includes(key))
  const clean: Record<string, unknown> = Object.fromEntries(kept)
  const { annotations } = clean
  if (typeof annotations === "object" && annotations !== null && LAST_APPLIED in annotations) {
    const { [LAST_APPLIED]: _, ...others } = annotations as Record<string, unknown>
    clean.annotations = others
  }
  return { ...rest, metadata: clean }
}

/** To a cluster, a field that is null is a field that is absent. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (typeof value !== "object" || value === null) return value
  const entries = Object.entries(value).filter(([, member]) => member !== null)
  return Object.fromEntries(entries.map(([key, member]) => [key, withoutNulls(member)]))
}
