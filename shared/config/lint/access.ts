/** Access policies that take other requests than it seems: none, all, or not those that are meant. */
import { hintFrom } from "#shared/config/complaint.ts"
import { textTest } from "#shared/identity/access-condition.ts"
import { covers } from "#shared/identity/coverage.ts"
import type { AccessPolicy, Attribute, Condition, Conditions, PolicyRule } from "#shared/model/access-policy.ts"
import { namespaceOf } from "#shared/model/names.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import { canonicalJson } from "#shared/std/canonical-json.ts"
import { pathTest, readingsOf } from "#shared/std/path-pattern.ts"
import type { Step } from "#shared/std/steps.ts"
import { type Advice, advise, type Sites } from "./site.ts"

type Ruled = Extract<AccessPolicy, { rules: readonly PolicyRule[] }>
type Note = (steps: readonly Step[], advice: Advice) => void

export function lintAccess(snapshot: Snapshot, sites: Sites): void {
  const { policies = [] } = snapshot
  const onlyCalls = servicesOfCallsOnly(snapshot)
  for (const policy of policies) {
    const note: Note = (steps, advice) => sites.atPolicy(policy.id, steps, advice)
    lintPlace(policy, snapshot, note)
    if (policy.action === "default") lintDefault(policy, policies, note)
    else {
      lintRules(policy, note)
      for (const [index, rule] of policy.rules.entries()) {
        lintBreadth(policy, rule, index, note)
        lintNames(rule, index, snapshot, note)
        lintIdentity(rule, index, snapshot, note)
        for (const { conditions, steps } of waysOf(rule, index)) {
          lintWay(policy, conditions, steps, onlyCalls, note)
        }
      }
    }
  }
}

function lintPlace(policy: AccessPolicy, { services }: Snapshot, note: Note): void {
  if (policy.target.of !== "namespace") return
  if (services.some(({ id }) => covers(policy.target, { at: "service", service: id }))) return
  const message = `It covers nothing: the namespace ${JSON.stringify(policy.target.namespace)} has no service`
  note(
    [],
    advise("warning", "covers-nothing", message, 'name "services" or "gateways", or write it into their namespace'),
  )
}

function lintDefault(
  policy: AccessPolicy & { action: "default" },
  policies: readonly AccessPolicy[],
  note: Note,
): void {
  if (policy.verdict === "deny") return
  if (policies.some((one) => one.action === "default" && one.verdict === "deny")) return
  const message = "It opens what nothing has closed: without a default everything is allowed that no policy refuses"
  note(
    [],
    advise("info", "needless-default", message, "leave it out, or close what is around it by a default of its own"),
  )
}

function lintRules({ action, rules }: Ruled, note: Note): void {
  if (rules.length > 0) return
  if (action === "allow") {
    const message =
      "Nobody is let in by it, and by its being there nobody else is either, unless another policy allows it"
    note(["rules"], advise("info", "allows-nothing", message, 'write "default: deny", which says so'))
  } else {
    note(
      ["rules"],
      advise("warning", "takes-nothing", "Without rules it takes no request", 'write "rules: [{}]" for all'),
    )
  }
}

function lintBreadth({ action }: Ruled, rule: PolicyRule, index: number, note: Note): void {
  const { from, to, when } = rule
  const at = ["rules", index]
  const isAnybody = from.length === 0 && when.length === 0
  if (action === "deny" && isAnybody && to.length === 0) {
    const message = "It refuses every request where it holds, whatever other policies allow"
    note(at, advise("info", "denies-everything", message, 'write "default: deny" if others are to allow something'))
  }
  if (action !== "allow" || !isAnybody) return
  if (to.length === 0) {
    const message =
      "It lets everybody do everything where it holds, and what other policies allow there is of no matter"
    note(at, advise("info", "allows-everything", message, 'say who may, by "from"'))
  } else {
    const message = "Anybody may do this, the public too"
    note(at, advise("info", "allows-anybody", message, 'say who may, by "from", unless it is meant for everybody'))
  }
}

/** Who is nobody in the whole mesh is refused by what denies others, and let in by nothing. */
function lintNames({ from, when }: PolicyRule, index: number, { services }: Snapshot, note: Note): void {
  const namespaces = [...new Set(services.map(({ id }) => namespaceOf(id) as string))]
  for (const { on, values } of [...from.flat(), ...when]) {
    const known =
      on.by === "namespace" ? namespaces : on.by === "service" ? services.map(({ id }) => id as string) : undefined
    const strange = known && values.find((value) => !known.some(textTest([value])))
    if (strange === undefined) continue
    const noun = on.by === "namespace" ? "namespaces" : "services"
    const message = `No service of the mesh is taken by ${JSON.stringify(strange)}`
    note(["rules", index], advise("warning", "names-nobody", message, hintFrom(strange, noun, known ?? [])))
  }
}

const BY_TOKEN: ReadonlySet<Attribute["by"]> = new Set(["principal", "claim", "audience", "presenter"])
const BY_KEY: ReadonlySet<Attribute["by"]> = new Set(["key", "keyOwner", "keyScope"])

function lintIdentity({ from, when }: PolicyRule, index: number, { authentications }: Snapshot, note: Note): void {
  if (authentications !== undefined) return
  const found = [...from.flat(), ...when].find(({ on }) => BY_TOKEN.has(on.by) || BY_KEY.has(on.by))
  if (!found) return
  const what = BY_TOKEN.has(found.on.by) ? "end user" : "API key"
  const message = `Nobody ever is an ${what} here: the mesh has no authentication`
  note(["rules", index], advise("warning", "nobody-authenticated", message, 'declare one under "authentication"'))
}

interface Way {
  readonly conditions: Conditions
  readonly steps: readonly Step[]
}

/** Each alternative with what must hold besides; one that meets no request is of no use whatever stands in the others. */
function waysOf({ from, to, when }: PolicyRule, index: number): Way[] {
  const at = ["rules", index]
  const each = (key: "from" | "to", all: readonly Conditions[]): Way[] =>
    all.map((conditions, place) => ({ conditions: [...conditions, ...when], steps: [...at, key, place] }))
  const ways = [...each("from", from), ...each("to", to)]
  return ways.length > 0 ? ways : [{ conditions: when, steps: at }]
}

const OF_HTTP: ReadonlySet<Attribute["by"]> = new Set(["path", "method", "host", "port", "header"])
const OF_CALLERS: ReadonlySet<Attribute["by"]> = new Set(["service", "namespace", "workload", "trustDomain"])

function lintWay(
  policy: Ruled,
  conditions: Conditions,
  steps: readonly Step[],
  onlyCalls: ReadonlySet<string>,
  note: Note,
): void {
  const wanted = (kinds: ReadonlySet<Attribute["by"]>) => conditions.some(({ on, not }) => !not && kinds.has(on.by))
  const never = (message: string, hint: string) => note(steps, advise("warning", "never-taken", message, hint))
  const { target } = policy
  const atGatewayOnly = target.of === "places" && target.services.length === 0
  if (wanted(OF_HTTP) && wanted(ONLY_RPC)) {
    never("No request is taken: an RPC call has no path, method, host or header", "write one entry for each")
  }
  if (wanted(OF_CALLERS) && (wanted(ONLY_GATEWAY) || atGatewayOnly)) {
    never(
      "No request is taken: what comes in by a gateway is of the public, and of no service",
      "cover a service, or leave the caller out",
    )
  }
  if (wanted(ONLY_RPC) && atGatewayOnly) {
    never("No request is taken: no RPC call comes in by a gateway", "cover the service that is called")
  }
  const called = target.of === "places" ? target.services.find((service) => onlyCalls.has(service)) : undefined
  if (called !== undefined && wanted(OF_HTTP)) {
    const message = `Every route to ${called} takes RPC calls only, which have no path, method, host or header`
    note(steps, advise("warning", "http-for-calls", message, 'match methods by "rpc"'))
  }
  for (const condition of conditions) {
    if (isExcluded(condition, conditions))
      never("No request is taken: each of the values is excluded beside them", "remove one of both")
  }
  if (policy.action === "deny") lintOpenPaths(conditions, steps, note)
}

const ONLY_RPC: ReadonlySet<Attribute["by"]> = new Set(["rpc"])
const ONLY_GATEWAY: ReadonlySet<Attribute["by"]> = new Set(["gateway"])

/** Whether each value of a condition is ruled out by another one. */
function isExcluded({ on, values, not }: Condition, conditions: Conditions): boolean {
  if (not || on.by === "claim" || on.by === "audience" || on.by === "keyScope" || on.by === "header") return false
  const excluded = conditions.filter((other) => other.not && canonicalJson(other.on) === canonicalJson(on))
  if (excluded.length === 0) return false
  const patterns = excluded.flatMap((other) => other.values)
  const takes =
    on.by === "path"
      ? (value: string) => patterns.some((one) => pathTest(one)(readingsOf(value)[0]!))
      : textTest(patterns)
  return values.every((value) => patterns.includes(value) || (!/[*{]/.test(value) && takes(value)))
}

/** Many servers answer `/admin/` as they answer `/admin`. */
function lintOpenPaths(conditions: Conditions, steps: readonly Step[], note: Note): void {
  for (const { on, values, not } of conditions) {
    if (on.by !== "path" || not) continue
    const takes = (path: string) => values.some((pattern) => pathTest(pattern)(path))
    const open = values.find(
      (value) => value.startsWith("/") && value !== "/" && !/[*{]/.test(value) && !takes(`${value}/x`),
    )
    const bare = values.find(
      (value) => value.endsWith("/*") && value !== "/*" && !/[{]/.test(value) && !takes(value.slice(0, -2)),
    )
    const [value, left] = open === undefined ? [bare?.slice(0, -2), bare?.slice(0, -2)] : [open, `${open}/`]
    if (value === undefined) continue
    const message = `It does not take ${JSON.stringify(left)}${open === undefined ? "" : ", nor what is below it"}`
    const hint = `write { prefix: ${value} } to refuse the path and all below it`
    note([...steps, ...(steps.includes("to") ? ["paths"] : [])], advise("warning", "path-left-open", message, hint))
  }
}

/** Services that requests are routed to, and by rules for RPC calls only. */
function servicesOfCallsOnly({ routes }: Snapshot): ReadonlySet<string> {
  const called = new Set<string>()
  const requested = new Set<string>()
  for (const { rules } of routes) {
    for (const { matches, backends } of rules) {
      const isCall = matches.every(({ rpc }) => rpc !== undefined)
      for (const { service } of backends) (isCall ? called : requested).add(service)
    }
  }
  return new Set([...called].filter((service) => !requested.has(service)))
}
