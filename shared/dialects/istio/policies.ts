/** AuthorizationPolicies as access policies. */
import { quote } from "#shared/config/complaint.ts"
import type { NativeNames } from "#shared/config/dialect.ts"
import { isNative } from "#shared/config/dialect.ts"
import { labelOf } from "#shared/dialects/gateway-api/names.ts"
import type { Notes, Write } from "#shared/dialects/gateway-api/notes.ts"
import type { AccessPolicy, Authorizer } from "#shared/model/access-policy.ts"
import type { Resource } from "#shared/model/document.ts"
import { policyId, serviceId } from "#shared/model/names.ts"
import { freeId } from "./ids.ts"
import { translateRule } from "./rules.ts"
import type { AuthorizationPolicyObject } from "./types.ts"
import { ROOT_NAMESPACE, type Workloads } from "./workloads.ts"

const DRY_RUN = "istio.io/dry-run"

/** What Istio keeps in its mesh configuration, which is no object. It waits ten minutes; nobody who waits for an answer does. */
const AUTHORIZER = {
  pathPrefix: "",
  requestHeaders: ["*"],
  upstreamHeaders: [],
  clientHeaders: ["www-authenticate", "location", "set-cookie"],
  timeoutMs: 10_000,
  whenUnavailable: "deny",
} as const satisfies Omit<Authorizer, "service">

export function translatePolicies(
  resources: readonly Resource[],
  native: NativeNames,
  workloads: Workloads,
  notes: Notes,
): AccessPolicy[] {
  const taken = new Set<string>(
    resources
      .filter((resource) => resource.kind === "AccessPolicy" && isNative(resource))
      .map(({ namespace, name }) => policyId(namespace, name)),
  )
  return resources
    .filter(({ kind }) => kind === "AuthorizationPolicy")
    .flatMap((resource) => translatePolicy(resource, native, workloads, taken, notes.about(resource)))
}

function translatePolicy(
  { namespace, name, spec: object }: Resource,
  native: NativeNames,
  workloads: Workloads,
  taken: Set<string>,
  write: Write,
): AccessPolicy[] {
  const { spec = {}, metadata } = object as AuthorizationPolicyObject
  const { action = "ALLOW", rules = [], provider } = spec
  const { wholly, partly } = workloads.selected(namespace, spec, write)
  const targets = [...wholly, ...partly]
  if (targets.length === 0) return []
  const isTried = metadata.annotations?.[DRY_RUN] === "true"
  if (isTried && (action === "AUDIT" || action === "CUSTOM")) {
    const message = `A dry run of ${action} does nothing here`
    write(["metadata", "annotations", DRY_RUN], "unsupported", "Accepted", "UnsupportedValue", message)
    return []
  }
  const coversServices = targets.some((target) => target.of !== "places" || target.services.length > 0)
  const context = { namespace, coversServices, write }
  const translated = rules.map((rule, index) => translateRule(rule, ["spec", "rules", index], context))
  const dryRun = isTried && { dryRun: true as const }
  const authorizer = action === "CUSTOM" ? authorizerOf(namespace, provider?.name ?? "", native, write) : undefined
  noteApplied(action, rules.length, write)
  return targets.map((target): AccessPolicy => {
    const id = freeId((one) => policyId(namespace, one), name, taken)
    if (authorizer) return { id, target, action: "custom", rules: translated, authorizer }
    // Istio refuses what it was to ask an unknown provider about.
    if (action === "CUSTOM") return { id, target, action: "deny", rules: translated }
    // What may not be meant for a service lets nobody into it.
    const isGuess = action === "ALLOW" && partly.includes(target)
    return { id, target, action: ACTIONS[action], rules: isGuess ? [] : translated, ...dryRun }
  })
}

const ACTIONS = { ALLOW: "allow", DENY: "deny", AUDIT: "audit" } as const

function noteApplied(action: string, rules: number, write: Write): void {
  const what = rules > 0 ? `${rules} rule${rules > 1 ? "s" : ""}` : action === "ALLOW" ? "nobody" : "no request"
  write([], "applied", "Accepted", "Accepted", `${action}: ${what}`)
}

/** A provider is the service of its name, in the policy's namespace or in Istio's own. */
function authorizerOf(
  namespace: string,
  provider: string,
  { services }: NativeNames,
  write: Write,
): Authorizer | undefined {
  const ids = [namespace, ROOT_NAMESPACE].map((one) => serviceId(one, labelOf(provider)))
  const service = ids.find((id) => services.has(id))
  if (service) {
    const message = `The service ${service} is asked, with all headers of the request, for at most ${AUTHORIZER.timeoutMs / 1000} s`
    write(["spec", "provider"], "applied", "Accepted", "Accepted", message)
    return { ...AUTHORIZER, service }
  }
  const message = `No service is named ${quote(ids.join('" or "'))}: what it was to be asked about is refused`
  write(["spec", "provider"], "invalid", "Accepted", "ProviderNotFound", message)
  return undefined
}
