/**
 * Rules that let `%2F` pass, where an access policy goes by paths: the policy would read one place and a server that decodes first
 * another, so that there is no form of the path that both mean.
 */
import { covers } from "#shared/identity/coverage.ts"
import type { AccessPolicy, Conditions } from "#shared/model/access-policy.ts"
import type { Problem } from "#shared/model/problem.ts"
import type { Route, Rule } from "#shared/model/route.ts"
import type { Service } from "#shared/model/service.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import type { Place } from "#shared/model/target.ts"
import { complain, quote } from "./complaint.ts"

export function checkSlashes({ routes, services, policies = [] }: Snapshot): Problem[] {
  const byPath = policies.filter(goesByPath)
  if (byPath.length === 0) return []
  return routes.flatMap((route) =>
    route.rules
      .filter(({ encodedSlashes }) => encodedSlashes !== undefined)
      .flatMap((rule) => {
        const places = placesOf(route, rule, services)
        const policy = byPath.find(({ target }) => places.some((place) => covers(target, place)))
        return policy ? [problemOf(route, rule, policy)] : []
      }),
  )
}

function goesByPath(policy: AccessPolicy): boolean {
  if (policy.action === "default" || policy.action === "audit") return false
  // An authorizer is shown the path, and decides by what it makes of it.
  if (policy.action === "custom") return true
  const isPath = (conditions: Conditions) => conditions.some(({ on }) => on.by === "path")
  return policy.rules.some(({ to, when }) => to.some(isPath) || isPath(when))
}

/** Wherever a request of the rule may be judged. */
function placesOf(route: Route, rule: Rule, services: readonly Service[]): Place[] {
  const gateways = route.attachments.flatMap((one): Place[] =>
    one.to === "gateway" ? [{ at: "gateway", gateway: one.gateway }] : [],
  )
  const named = [
    ...rule.backends.map(({ service }) => service),
    ...rule.filters.flatMap((filter) => (filter.kind === "mirror" ? [filter.mirror.backend.service] : [])),
  ]
  const fallbacks = services.flatMap(({ id, policy }) => {
    const fallback = named.includes(id) ? policy?.breaker?.fallback : undefined
    return fallback?.kind === "service" ? [fallback.backend.service] : []
  })
  return [...gateways, ...[...named, ...fallbacks].map((service): Place => ({ at: "service", service }))]
}

function problemOf({ id }: Route, rule: Rule, policy: AccessPolicy): Problem {
  const [namespace, name] = id.split("/") as [string, string]
  const message = `The rule ${quote(rule.id)} lets "%2F" pass, and the policy ${quote(policy.id)}, which covers it, goes by paths: servers disagree about which path that is`
  const hint = 'leave "encodedSlashes" out, or let policies go by something else there'
  return {
    path: `routes.${name}`,
    ...complain("slashes-with-path-policy", message, hint),
    resource: { kind: "Route", namespace, name },
  }
}
