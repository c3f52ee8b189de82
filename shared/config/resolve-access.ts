/** Access policies with every name looked up and every condition in the one form that the data path reads. */
import type {
  AccessPolicyDocument,
  AuthorizerDocument,
  PolicyConditionDocument,
  PolicyOperationDocument,
  PolicyRuleDocument,
  PolicySourceDocument,
} from "#shared/model/access-document.ts"
import type {
  AccessPolicy,
  Attribute,
  Authorizer,
  Condition,
  Conditions,
  PolicyRule,
} from "#shared/model/access-policy.ts"
import type { Resource } from "#shared/model/document.ts"
import { DEFAULT_GATEWAY, policyId } from "#shared/model/names.ts"
import { parseDuration } from "#shared/std/duration.ts"
import { parseMemberPath } from "#shared/std/member-path.ts"
import type { Step } from "#shared/std/steps.ts"
import { checkValue, pathPatterns, readKey } from "./access-syntax.ts"
import { resolveReference } from "./resolve-backend.ts"
import { resolveTarget } from "./resolve-target.ts"
import { findService, gatewayIdIn, type Scope, unknownName } from "./scope.ts"

type Path = readonly Step[]

const TIMEOUT_MS = 500
const REQUEST_HEADERS = ["authorization"]
const CLIENT_HEADERS = ["www-authenticate", "location", "set-cookie"]

export function resolveAccessPolicy(resource: Resource, scope: Scope): AccessPolicy | undefined {
  const document = resource.spec as AccessPolicyDocument
  const named = { id: policyId(resource.namespace, resource.name), target: resolveTarget(scope, document) }
  const tried = document.dryRun && { dryRun: document.dryRun }
  if (document.default) return { ...named, action: "default", verdict: document.default, ...tried }
  const rules = (document.rules ?? []).map((rule, index) => resolveRule(scope, rule, ["rules", index]))
  const { action = "allow" } = document
  if (action !== "custom") return { ...named, action, rules, ...tried }
  const authorizer = resolveAuthorizer(scope, document.authorizer!)
  return authorizer && { ...named, action, rules, authorizer }
}

function resolveRule(scope: Scope, { from = [], to = [], when = [] }: PolicyRuleDocument, path: Path): PolicyRule {
  return {
    from: from.map((source, index) => resolveSource(scope, source, [...path, "from", index])),
    to: to.map((operation) => resolveOperation(operation)),
    when: when.flatMap((condition, index) => resolveCondition(scope, condition, [...path, "when", index])),
  }
}

function resolveSource(scope: Scope, source: PolicySourceDocument, path: Path): Conditions {
  const conditions = new Conditioning()
  const each = (key: keyof PolicySourceDocument, find: (text: string, at: Path) => string | undefined) =>
    (source[key] as string[] | undefined)?.flatMap((text, index) => find(text, [...path, key, index]) ?? [])
  const service = (text: string, at: Path) => serviceIn(scope, text, at)
  const gateway = (text: string, at: Path) => gatewayIn(scope, text, at)
  conditions.add({ by: "service" }, each("services", service), each("notServices", service))
  conditions.add({ by: "namespace" }, source.namespaces, source.notNamespaces)
  conditions.add({ by: "gateway" }, each("gateways", gateway), each("notGateways", gateway))
  conditions.add({ by: "principal" }, source.principals, source.notPrincipals)
  conditions.add({ by: "keyOwner" }, source.keyOwners, source.notKeyOwners)
  conditions.add({ by: "keyScope" }, source.keyScopes, source.notKeyScopes)
  conditions.add({ by: "address" }, source.ipBlocks, source.notIpBlocks)
  for (const [name, values] of Object.entries(source.claims ?? {})) {
    conditions.add({ by: "claim", path: parseMemberPath(name)! }, values, undefined)
  }
  for (const [name, values] of Object.entries(source.notClaims ?? {})) {
    conditions.add({ by: "claim", path: parseMemberPath(name)! }, undefined, values)
  }
  return conditions.all
}

function resolveOperation(operation: PolicyOperationDocument): Conditions {
  const conditions = new Conditioning()
  const lower = (hosts: readonly string[] | undefined) => hosts?.map((host) => host.toLowerCase())
  conditions.add({ by: "host" }, lower(operation.hosts), lower(operation.notHosts))
  conditions.add({ by: "port" }, operation.ports?.map(String), operation.notPorts?.map(String))
  conditions.add({ by: "method" }, operation.methods, operation.notMethods)
  conditions.add({ by: "path" }, operation.paths?.flatMap(pathPatterns), operation.notPaths?.flatMap(pathPatterns))
  conditions.add({ by: "rpc" }, operation.rpc, operation.notRpc)
  return conditions.all
}

function resolveCondition(scope: Scope, { key, values, notValues }: PolicyConditionDocument, path: Path): Conditions {
  const on = readKey(key) as Attribute
  const resolved = (which: "values" | "notValues", written: readonly string[] | undefined) =>
    written?.flatMap((text, index) => {
      const at = [...path, which, index]
      const complaint = checkValue(on, text)
      if (complaint) scope.report(at, complaint)
      if (complaint) return []
      if (on.by === "service") return serviceIn(scope, text, at) ?? []
      if (on.by === "gateway") return gatewayIn(scope, text, at) ?? []
      if (on.by === "host") return text.toLowerCase()
      return on.by === "path" ? pathPatterns(text) : text
    })
  const conditions = new Conditioning()
  conditions.add(on, resolved("values", values), resolved("notValues", notValues))
  return conditions.all
}

/** A name must be that of a service; a pattern may take services that are not there yet. */
function serviceIn(scope: Scope, text: string, path: Path): string | undefined {
  return text.includes("*") ? text : findService(scope, text, path)
}

function gatewayIn(scope: Scope, text: string, path: Path): string | undefined {
  if (text.includes("*")) return text
  const id = gatewayIdIn(scope.namespace, text)
  if (scope.gateways.has(id)) return id
  // The built-in one goes by its name alone everywhere.
  if (id === DEFAULT_GATEWAY || text === "default") return DEFAULT_GATEWAY
  scope.report(path, unknownName(scope, "gateway", text))
  return undefined
}

class Conditioning {
  readonly all: Condition[] = []

  add(on: Attribute, values: readonly string[] | undefined, notValues: readonly string[] | undefined): void {
    if (values?.length) this.all.push({ on, values: [...new Set(values)] })
    if (notValues?.length) this.all.push({ on, values: [...new Set(notValues)], not: true })
  }
}

function resolveAuthorizer(scope: Scope, document: AuthorizerDocument): Authorizer | undefined {
  const found = resolveReference(scope, { service: document.service }, ["authorizer"])
  if (!found) return undefined
  const lower = (names: readonly string[]) => names.map((name) => name.toLowerCase())
  return {
    service: found.service,
    pathPrefix: document.path?.replace(/\/$/, "") ?? "",
    requestHeaders: lower(document.requestHeaders ?? REQUEST_HEADERS),
    ...(document.bodyBytes !== undefined && { bodyBytesMax: document.bodyBytes }),
    upstreamHeaders: lower(document.upstreamHeaders ?? []),
    clientHeaders: lower(document.clientHeaders ?? CLIENT_HEADERS),
    timeoutMs: document.timeout === undefined ? TIMEOUT_MS : parseDuration(document.timeout)!,
    whenUnavailable: document.whenUnavailable ?? "deny",
  }
}
