/**
 * What is not wrong and yet most likely not meant: `weft check` and every apply say it. A finding is certain in what it
 * states, names what to do, and never keeps anything from being applied.
 */
import type { Resource } from "#shared/model/document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { Finding } from "#shared/model/problem.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import { lintAccess } from "./lint/access.ts"
import { lintAuthentication } from "./lint/authentication.ts"
import { lintHosts } from "./lint/hosts.ts"
import { lintOrphans } from "./lint/orphans.ts"
import { lintReach, placesOf } from "./lint/reach.ts"
import { lintRedirects } from "./lint/redirects.ts"
import { lintRule } from "./lint/rules.ts"
import { Sites } from "./lint/site.ts"
import { lintUse, type Unbound } from "./lint/use.ts"

export interface LintInput {
  readonly resources: readonly Resource[]
  readonly snapshot: Snapshot
  /** Of a running mesh: bindings that no live proxy has. */
  readonly unbound?: Unbound
}

/** Warnings first; otherwise in the order of the resources. */
export function lint({ resources, snapshot, unbound = [] }: LintInput): Finding[] {
  const sites = new Sites(resources)
  const places = placesOf(snapshot)
  lintReach(places, sites)
  lintHosts(places, sites)
  for (const route of snapshot.routes) for (const rule of route.rules) lintRule(route, rule, sites)
  lintRedirects(snapshot, sites)
  lintUse(snapshot, unbound, sites)
  lintAccess(snapshot, sites)
  lintOrphans(resources, sites)
  lintAuthentication(snapshot, resources, sites)
  const rank = (finding: Finding) => (finding.severity === "warning" ? 0 : 1)
  return sites.findings.sort((a, b) => rank(a) - rank(b)).slice(0, LIMITS.problemsMax)
}

/** Those that a change brought about, or that are about what it changed: others are not the change's. */
export function newFindings(
  before: readonly Finding[],
  after: readonly Finding[],
  changed: readonly Pick<Resource, "kind" | "namespace" | "name">[],
): Finding[] {
  const known = new Set(before.map(identity))
  const touched = new Set(changed.map(keyOf))
  return after.filter((one) => !known.has(identity(one)) || (one.resource && touched.has(keyOf(one.resource))))
}

function identity({ path, rule, resource }: Finding): string {
  return JSON.stringify([path, rule, resource])
}

function keyOf({ kind, namespace, name }: Pick<Resource, "kind" | "namespace" | "name">): string {
  return `${kind} ${namespace}/${name}`
}
