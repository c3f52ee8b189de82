/** Where a finding is: from rules as they were resolved back to what somebody wrote. */

import type { Complaint } from "#shared/config/complaint.ts"
import { isNative } from "#shared/config/dialect.ts"
import { pathOf, type ResourceKey } from "#shared/config/parse.ts"
import type { Resource, RouteDocument, RuleDocument } from "#shared/model/document.ts"
import type { Finding } from "#shared/model/problem.ts"
import type { Route, Rule } from "#shared/model/route.ts"
import { formatPath, type Step } from "#shared/std/steps.ts"

/** Says what to do about it, always. */
export type Advice = Complaint & { readonly hint: string; readonly severity: Finding["severity"] }

export function advise(severity: Finding["severity"], rule: string, message: string, hint: string): Advice {
  return { severity, rule, message, hint }
}

export class Sites {
  readonly #resources: ReadonlyMap<string, Resource>
  readonly #findings = new Map<string, Finding>()

  constructor(resources: readonly Resource[]) {
    this.#resources = new Map(
      resources.map((resource) => [keyOf(resource.kind, `${resource.namespace}/${resource.name}`), resource]),
    )
  }

  get findings(): Finding[] {
    return [...this.#findings.values()]
  }

  atService(id: string, steps: readonly Step[], advice: Advice): void {
    this.#note(this.#resources.get(keyOf("Service", id)), steps, advice)
  }

  atPolicy(id: string, steps: readonly Step[], advice: Advice): void {
    this.#note(this.#resources.get(keyOf("AccessPolicy", id)), steps, advice)
  }

  atResource(resource: Resource, steps: readonly Step[], advice: Advice): void {
    this.#note(resource, steps, advice)
  }

  atRoute({ id }: Route, steps: readonly Step[], advice: Advice): void {
    this.#note(this.#routeResource(id), steps, advice)
  }

  /** `match` is the match's place in the rule; absent for the rule as a whole. */
  atRule(rule: Rule, steps: readonly Step[], advice: Advice, match?: number): void {
    const written = this.writtenRule(rule)
    const base = written ? [...written.path, ...(match === undefined ? [] : matchSteps(written.spec, match))] : []
    this.#note(written?.resource, [...base, ...steps], advice)
  }

  /** A delegated rule is written in the route that its id names last. */
  writtenRule({ id }: Rule): { resource: Resource; path: Step[]; spec: RuleDocument | undefined } | undefined {
    const own = id.slice(id.lastIndexOf(">") + 1)
    const cut = own.lastIndexOf("/")
    const resource = this.#routeResource(own.slice(0, cut))
    if (!resource) return undefined
    const name = own.slice(cut + 1)
    const rules = rulesOf(resource)
    const named = rules.findIndex((rule) => rule.name === name)
    const index = named >= 0 ? named : Number(name)
    if (!isNative(resource)) return { resource, path: ["spec", "rules", index], spec: undefined }
    return { resource, path: ["rules", index], spec: rules[index] }
  }

  #routeResource(id: string): Resource | undefined {
    const kinds = ["Route", "HTTPRoute", "GRPCRoute"]
    return kinds.map((kind) => this.#resources.get(keyOf(kind, id))).find((found) => found !== undefined)
  }

  /** The same thing, met on several ways, is one finding. */
  #note(resource: Resource | undefined, steps: readonly Step[], { severity, rule, message, hint }: Advice): void {
    const key: ResourceKey | undefined = resource && {
      kind: resource.kind,
      namespace: resource.namespace,
      name: resource.name,
    }
    const path = !resource || !isNative(resource) ? formatPath(steps) : pathOf(resource, steps)
    const finding = { path, severity, rule, message, hint, ...(key && { resource: key }) }
    const identity = JSON.stringify([path, rule, key])
    if (!this.#findings.has(identity)) this.#findings.set(identity, finding)
  }
}

function keyOf(kind: string, id: string): string {
  return `${kind} ${id}`
}

function rulesOf({ spec }: Resource): readonly RuleDocument[] {
  const { rules, spec: inner } = spec as Partial<RouteDocument> & { spec?: { rules?: RuleDocument[] } }
  return rules ?? inner?.rules ?? []
}

/** Of a delegated rule each match of the parent is joined with each written one, the parent's first. */
function matchSteps(spec: RuleDocument | undefined, match: number): Step[] {
  if (!spec) return ["matches", match]
  if (spec.matches) return ["matches", match % spec.matches.length]
  return spec.match ? ["match"] : []
}
