/** Resource kinds as people type them, and the columns they are listed with. */
import type { Resource } from "#shared/model/document.ts"
import { suggest } from "#shared/std/suggest.ts"
import { EXIT, type Failure } from "./command.ts"
import { plain } from "./output.ts"

const NATIVE: { readonly [typed: string]: string } = {
  service: "Service",
  gateway: "Gateway",
  route: "Route",
  authentication: "Authentication",
  accesspolicy: "AccessPolicy",
  accesspolicies: "AccessPolicy",
  policy: "AccessPolicy",
  policies: "AccessPolicy",
  servicelevelobjective: "ServiceLevelObjective",
  slo: "ServiceLevelObjective",
  receiver: "Receiver",
  svc: "Service",
  httproute: "HTTPRoute",
  grpcroute: "GRPCRoute",
  referencegrant: "ReferenceGrant",
  coreservice: "CoreService",
  namespace: "Namespace",
  authorizationpolicy: "AuthorizationPolicy",
  authorizationpolicies: "AuthorizationPolicy",
  requestauthentication: "RequestAuthentication",
}

/** `routes`, `Route`, `svc` -> `Route`, `Service`; kinds of dialects (`HTTPRoute`) are taken as they are. */
export function kindOf(typed: string): string {
  const lower = typed.toLowerCase()
  return NATIVE[lower] ?? NATIVE[lower.replace(/s$/, "")] ?? typed
}

/** Whether documents of this version can have resources of the kind. */
function isKind(kind: string): boolean {
  return Object.values(NATIVE).includes(kind)
}

function kindsHint(): string {
  return `kinds: ${[...new Set(Object.values(NATIVE))].sort().join(", ")}`
}

/** `orders`, `team-a/orders`; `-n` fills in the namespace. */
export function nameOf(typed: string, namespace: string | undefined): { namespace: string; name: string } {
  const slash = typed.indexOf("/")
  if (slash > 0) return { namespace: typed.slice(0, slash), name: typed.slice(slash + 1) }
  return { namespace: namespace ?? "default", name: typed }
}

/** Which resource is meant. */
export interface Addressed {
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/**
 * `service orders`, `service team-a/orders`, and as kubectl has it `service/orders`, `service/team-a/orders`; the kind in any case,
 * singular or plural. `-n` fills in the namespace. Without a name: all of the kind; without anything: all.
 */
export function addressOf(
  [first, second]: readonly (string | undefined)[],
  namespace: string | undefined,
): Partial<Addressed> | Failure {
  const [typedKind = "", ...rest] = first?.split("/") ?? []
  if (first === undefined || (first.toLowerCase() === "all" && second === undefined)) return {}
  const kind = kindOf(typedKind)
  const written = rest.length > 0 ? rest.join("/") : second
  if (!isKind(kind)) return noKind(typedKind)
  if (rest.length > 0 && second !== undefined) {
    const message = `"${first}" names one already, and "${second}" would be another`
    return { exit: EXIT.usage, message, hint: `one at a time: ${typedKind}/<name>` }
  }
  if (written === undefined) return { kind }
  const [name, within, ...more] = written.split("/").reverse()
  if (!name || within === "" || more.length > 0) {
    const message = `"${written}" is no name`
    return { exit: EXIT.usage, message, hint: `${typedKind}/<name>, or ${typedKind}/<namespace>/<name>` }
  }
  return { kind, name, namespace: within ?? namespace ?? "default" }
}

function noKind(typed: string): Failure {
  const near = suggest(typed.toLowerCase(), Object.keys(NATIVE))
  const hint = near === undefined ? kindsHint() : `did you mean "${near}"? ${kindsHint()}`
  return { exit: EXIT.usage, message: `there is no kind "${typed}"`, hint }
}

/** A header and, for each resource, what distinguishes its kind. */
export function columnsOf(kind: string | undefined): readonly [string, (spec: Spec) => string][] {
  if (kind === "Service")
    return [
      ["DESTINATION", destination],
      ["SUBSETS", (spec) => keys(spec.subsets)],
    ]
  if (kind === "Route")
    return [
      ["FOR", attachment],
      ["RULES", (spec) => String(list(spec.rules).length)],
      ["TO", backends],
    ]
  if (kind === "Gateway")
    return [
      [
        "LISTENERS",
        (spec) =>
          list(bodyOf(spec).listeners)
            .map((one) => text(one.name))
            .join(", "),
      ],
    ]
  if (kind === "AccessPolicy")
    return [
      ["ACTION", policyAction],
      ["COVERS", covered],
      ["RULES", (spec) => String(list(spec.rules).length)],
    ]
  if (kind === "ServiceLevelObjective")
    return [
      ["OF", ({ service, route }) => (route === undefined ? `service ${text(service)}` : `route ${text(route)}`)],
      ["TARGET", ({ target, latency }) => `${text(target)}%${latency === undefined ? "" : ` within ${text(latency)}`}`],
      ["NOTIFIES", (spec) => strings(spec.notify).map(text).join(", ")],
    ]
  if (kind === "Receiver") return [["WEBHOOK", ({ webhook }) => (isRecord(webhook) ? receiverText(webhook) : "")]]
  if (kind === "HTTPRoute" || kind === "GRPCRoute")
    return [
      [
        "PARENTS",
        (spec) =>
          list(bodyOf(spec).parentRefs)
            .map((one) => text(one.name))
            .join(", "),
      ],
      ["HOSTS", (spec) => strings(bodyOf(spec).hostnames).map(text).join(", ")],
      ["RULES", (spec) => String(list(bodyOf(spec).rules).length)],
    ]
  return []
}

function receiverText({ url, service, path }: Spec): string {
  return service === undefined ? text(url) : `service ${text(service)}${path === undefined ? "" : ` ${text(path)}`}`
}

/** A spec is whatever its author wrote: looked at, never trusted to have a shape. */
export interface Spec {
  readonly [key: string]: unknown
}

export function specOf(resource: Resource): Spec {
  return isRecord(resource.spec) ? resource.spec : {}
}

const SECTION_OF: { readonly [kind: string]: string } = {
  Service: "services",
  Gateway: "gateways",
  Route: "routes",
  Authentication: "authentication",
  AccessPolicy: "policies",
  ServiceLevelObjective: "slos",
  Receiver: "receivers",
}

/** The resource as a document that can be applied again. */
export function documentOf(resource: Resource): unknown {
  const section = SECTION_OF[resource.kind]
  // Objects of other systems are kept whole, as the documents that they are.
  if (section === undefined || "apiVersion" in specOf(resource)) return resource.spec
  const namespace = resource.namespace === "default" ? {} : { namespace: resource.namespace }
  return { ...namespace, [section]: { [resource.name]: resource.spec } }
}

/** Objects of other systems say under `spec` what native documents say at once. */
function bodyOf(spec: Spec): Spec {
  return "apiVersion" in spec && isRecord(spec.spec) ? spec.spec : spec
}

function destination(spec: Spec): string {
  const written = [spec, ...list(spec.endpoints)].flatMap((one) =>
    [one.url, one.worker, one.binding].filter((value) => typeof value === "string").slice(0, 1),
  )
  return written.length === 0 ? "binding" : written.map((value) => text(value)).join(", ")
}

function attachment(spec: Spec): string {
  const services = [spec.service, ...strings(spec.services)].filter((value) => value !== undefined)
  const parts = [...strings(spec.hosts), ...services.map((service) => `service ${text(service)}`)]
  return parts.map(text).join(", ")
}

function policyAction(spec: Spec): string {
  const word = spec.default === undefined ? text(spec.action ?? "allow") : `default ${text(spec.default)}`
  return spec.dryRun === true ? `${word} (dry run)` : word
}

/** What a security resource covers. */
function covered(spec: Spec): string {
  if (spec.mesh === true) return "the mesh"
  const named = [
    ...strings(spec.services).map((name) => `service ${text(name)}`),
    ...strings(spec.gateways).map((name) => `gateway ${text(name)}`),
  ]
  return named.length === 0 ? "its namespace" : named.join(", ")
}

function backends(spec: Spec): string {
  const names = list(spec.rules).flatMap((rule) => [
    ...list(rule.backends).map(backendName),
    ...(rule.delegate === undefined ? [] : [`route ${text(rule.delegate)}`]),
  ])
  return [...new Set(names)].join(", ")
}

function backendName(backend: Spec): string {
  return backend.subset === undefined ? text(backend.service) : `${text(backend.service)}:${text(backend.subset)}`
}

function keys(value: unknown): string {
  return isRecord(value) ? Object.keys(value).map(text).join(", ") : ""
}

function list(value: unknown): Spec[] {
  return Array.isArray(value) ? value.filter(isRecord) : []
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : []
}

function text(value: unknown): string {
  return plain(String(value))
}

function isRecord(value: unknown): value is Spec {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
