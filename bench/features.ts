/** The services of the hop bench: one and the same upstream, each with another policy armed. What is said of a way is what it adds. */
import { compile } from "#shared/config/compile.ts"
import type { MeshDocument, RuleDocument, ServiceDocument } from "#shared/model/document.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"

interface Feature {
  readonly name: string
  readonly service?: ServiceDocument
  /** Without, the service has no route and is simply called. */
  readonly rules?: (backends: RuleDocument["backends"]) => RuleDocument[]
}

const route = (more: Partial<RuleDocument>) => (backends: RuleDocument["backends"]) => [
  { backends, ...more } as RuleDocument,
]
const retry = { attempts: 2, on: ["5xx" as const] }
const balancing: ServiceDocument = {
  endpoints: [{ binding: "UPSTREAM" }, { binding: "UPSTREAM_2", weight: 2 }],
  balancer: { kind: "round-robin" },
  outlier: {},
}

export const FEATURES: readonly Feature[] = [
  { name: "plain" },
  {
    name: "100 routes",
    rules: (backends) => [
      ...Array.from({ length: 99 }, (_, index) => ({ match: { path: `/section-${index}` }, backends: backends! })),
      { match: { path: "/products" }, backends: backends! },
    ],
  },
  { name: "header filters", rules: route({ filters: [{ requestHeaders: { set: { "x-a": "1" } } }] }) },
  { name: "timeout", rules: route({ timeout: "15s" }) },
  { name: "retry", rules: route({ retry }) },
  { name: "breaker", service: { breaker: {} } },
  { name: "bulkhead", service: { concurrency: { max: 1_000 } } },
  { name: "balancer and outlier", service: balancing },
  { name: "rate limit", rules: route({ rateLimits: [{ requests: 1_000_000_000, per: "1s", scope: "isolate" }] }) },
  {
    name: "all of these",
    service: { ...balancing, breaker: {}, concurrency: { max: 1_000 } },
    rules: route({
      filters: [{ requestHeaders: { set: { "x-a": "1" } } }],
      timeout: "15s",
      retry,
      rateLimits: [{ requests: 1_000_000_000, per: "1s", scope: "isolate" }],
    }),
  },
]

/** A service's name is made of the feature's. */
export function serviceOf({ name }: Pick<Feature, "name">): string {
  return `with-${name.replaceAll(" ", "-")}`
}

export function benchSnapshot(): Snapshot {
  const document: MeshDocument = { services: {}, routes: {} }
  for (const feature of FEATURES) {
    const name = serviceOf(feature)
    const endpoints = feature.service?.endpoints ? {} : { binding: "UPSTREAM" }
    document.services![name] = { ...endpoints, ...feature.service }
    if (feature.rules) document.routes![name] = { service: name, rules: feature.rules([{ service: name }]) }
  }
  document.services!.driver = {}
  const compiled = compile([], { documents: [{ source: "bench", content: document }], prune: true, revision: 1 })
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems, null, 2))
  return compiled.snapshot
}
