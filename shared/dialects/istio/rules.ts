/** Rules of an AuthorizationPolicy as rules of the mesh. */
import { quote } from "#shared/config/complaint.ts"
import type { Write } from "#shared/dialects/gateway-api/notes.ts"
import type { Attribute, Condition, Conditions, PolicyRule } from "#shared/model/access-policy.ts"
import { canonicalPath } from "#shared/std/path.ts"
import { attributeOf } from "./attributes.ts"
import type { ConditionSpec, OperationSpec, RuleSpec, SourceSpec } from "./types.ts"

type Path = readonly (string | number)[]

export interface RuleContext {
  readonly namespace: string
  /** It covers services, whose callers inside the mesh have no address. */
  readonly coversServices: boolean
  readonly write: Write
}

export function translateRule(
  { from = [], to = [], when = [] }: RuleSpec,
  path: Path,
  context: RuleContext,
): PolicyRule {
  return {
    from: from.map(({ source = {} }, index) => ofSource(source, [...path, "from", index, "source"], context)),
    to: to.map(({ operation = {} }, index) => ofOperation(operation, [...path, "to", index, "operation"], context)),
    when: when.flatMap((condition, index) => ofCondition(condition, [...path, "when", index], context)),
  }
}

function ofSource(source: SourceSpec, path: Path, context: RuleContext): Conditions {
  const { namespace } = context
  const accounts = (names: readonly string[] | undefined) =>
    names?.map((name) => (name.includes("/") ? name : `${namespace}/${name}`))
  if (source.ipBlocks ?? source.notIpBlocks ?? source.remoteIpBlocks ?? source.notRemoteIpBlocks)
    noteAddress(path, context)
  return [
    ...both({ by: "workload" }, source.principals, source.notPrincipals),
    ...both({ by: "principal" }, source.requestPrincipals, source.notRequestPrincipals),
    ...both({ by: "namespace" }, source.namespaces, source.notNamespaces).map((one) => known(one, path, context)),
    ...both({ by: "service" }, accounts(source.serviceAccounts), accounts(source.notServiceAccounts)),
    ...both({ by: "trustDomain" }, source.trustDomains, source.notTrustDomains),
    ...both({ by: "address" }, source.ipBlocks, source.notIpBlocks),
    ...both({ by: "address" }, source.remoteIpBlocks, source.notRemoteIpBlocks),
  ]
}

function ofOperation(operation: OperationSpec, path: Path, { write }: RuleContext): Conditions {
  const paths = (key: "paths" | "notPaths") =>
    operation[key]?.map((written, index) => canonicalPattern(written, [...path, key, index], write))
  return [
    ...both({ by: "host" }, operation.hosts?.map(hostPattern), operation.notHosts?.map(hostPattern)),
    ...both({ by: "port" }, operation.ports, operation.notPorts),
    ...both({ by: "method" }, operation.methods, operation.notMethods),
    ...both({ by: "path" }, paths("paths"), paths("notPaths")),
  ]
}

function ofCondition({ key, values, notValues }: ConditionSpec, path: Path, context: RuleContext): Conditions {
  const on = attributeOf(key)!
  if (on.by === "unknowable") {
    const message = `A Worker cannot know ${quote(key)}: a rule that allows takes no request, and one that refuses takes them without it`
    context.write([...path, "key"], "unsupported", "Accepted", "UnsupportedValue", message)
  }
  if (on.by === "address") noteAddress([...path, "key"], context)
  return both(on, values, notValues).map((one) => known(one, path, context))
}

/** An empty list is one that is not there. */
function both(
  on: Attribute,
  values: readonly string[] | undefined,
  notValues: readonly string[] | undefined,
): Condition[] {
  return [
    ...(values?.length ? [{ on, values }] : []),
    ...(notValues?.length ? [{ on, values: notValues, not: true as const }] : []),
  ]
}

/** Istio takes a star anywhere in a namespace; here it stands at an end. */
function known(condition: Condition, path: Path, { write }: RuleContext): Condition {
  if (condition.on.by !== "namespace" || condition.values.every((value) => !value.slice(1, -1).includes("*")))
    return condition
  const message =
    'A "*" within a namespace cannot be compared: a rule that allows takes no request, and one that refuses takes them without it'
  write(path, "unsupported", "Accepted", "UnsupportedValue", message)
  return { on: { by: "unknowable" }, values: condition.values }
}

/** `:*` is every port, which is what no port says here. */
function hostPattern(host: string): string {
  return host.toLowerCase().replace(/:\*$/, "")
}

/** In the form that requests are matched in; what has none is never asked for. */
function canonicalPattern(pattern: string, path: Path, write: Write): string {
  if (/[*{]/.test(pattern)) return pattern
  const canonical = canonicalPath(pattern)
  if (canonical === pattern) return pattern
  if (typeof canonical === "string") {
    const message = `Requests have the form ${quote(canonical)}, which is what is compared`
    write(path, "applied", "Accepted", "Accepted", message)
    return canonical
  }
  write(path, "invalid", "Accepted", "UnsupportedValue", `No request has this path, because ${canonical.problem}`)
  return pattern
}

function noteAddress(path: Path, { coversServices, write }: RuleContext): void {
  if (!coversServices) return
  const message =
    "Only public traffic has an address: services that call from inside the mesh are in no list, and not outside one either where it lets in"
  write(path, "applied", "Accepted", "Accepted", message)
}
