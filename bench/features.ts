/** The services of the hop bench: one and the same upstream, each with another policy armed. What is said of a way is what it adds. */
import { compile } from "#shared/config/compile.ts"
import type { AuthenticationDocument } from "#shared/model/authentication-document.ts"
import type { MeshDocument, RuleDocument, ServiceDocument } from "#shared/model/document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import { makeSigner } from "#test/support/tokens.ts"
import { API_KEY } from "./workers/api-key.ts"

interface Feature {
  readonly name: string
  readonly service?: ServiceDocument
  /** Without, the service has no route and is simply called. */
  readonly rules?: (backends: RuleDocument["backends"]) => RuleDocument[]
  readonly authentication?: AuthenticationDocument
  /** What its requests bring along, in turn. */
  readonly credentials?: Credentials
}

interface Credentials {
  readonly header: string
  readonly values: readonly string[]
}

/** More than an isolate remembers, so that each is verified anew when its turn comes. */
const UNKNOWN = LIMITS.verifiedTokensMax + 200
const ISSUER = "https://issuer.test"
const signers = { RS256: await makeSigner("RS256", "r"), ES256: await makeSigner("ES256", "e") }

async function tokens(count: number, kind: keyof typeof signers): Promise<Credentials> {
  const exp = Math.floor(Date.now() / 1000) + 24 * 60 * 60
  const claims = { iss: ISSUER, aud: "bench", exp, email: "user@example.com", groups: ["staff", "testers"] }
  const signed = Array.from({ length: count }, (_, index) => signers[kind].sign({ ...claims, sub: `user-${index}` }))
  return { header: "authorization", values: (await Promise.all(signed)).map((token) => `Bearer ${token}`) }
}

const authentication: AuthenticationDocument = {
  required: false,
  jwt: [
    {
      issuer: ISSUER,
      audiences: ["bench"],
      jwks: { keys: [signers.RS256.jwk, signers.ES256.jwk] },
      claimHeaders: { "x-user-id": "sub" },
    },
  ],
  keys: {},
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
  { name: "authentication, nobody", authentication },
  { name: "token, seen before", authentication, credentials: await tokens(1, "RS256") },
  { name: "token RS256, new", authentication, credentials: await tokens(UNKNOWN, "RS256") },
  { name: "token ES256, new", authentication, credentials: await tokens(UNKNOWN, "ES256") },
  { name: "API key", authentication, credentials: { header: "x-api-key", values: [API_KEY] } },
  {
    name: "all but who asks",
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
  return `with-${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}`
}

export function benchSnapshot(): Snapshot {
  const document: MeshDocument = { services: {}, routes: {}, authentication: {} }
  for (const feature of FEATURES) {
    const name = serviceOf(feature)
    const endpoints = feature.service?.endpoints ? {} : { binding: "UPSTREAM" }
    document.services![name] = { ...endpoints, ...feature.service }
    if (feature.authentication) document.authentication![name] = { ...feature.authentication, services: [name] }
    if (feature.rules) document.routes![name] = { service: name, rules: feature.rules([{ service: name }]) }
  }
  document.services!.driver = {}
  const compiled = compile([], { documents: [{ source: "bench", content: document }], prune: true, revision: 1 })
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems, null, 2))
  return compiled.snapshot
}
