/** Which of Istio's authorization cases can be run by a mesh of Workers, and why others cannot. */
import { attributeOf } from "#shared/dialects/istio/attributes.ts"
import { pathTest } from "#shared/std/path-pattern.ts"
import { list, record, text } from "./gateway-api.ts"
import type { TokenBook } from "./istio-tokens.ts"

export interface IstioObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly spec?: unknown
}

export interface IstioSuite {
  readonly test: string
  readonly destination: {
    readonly namespace: string
    readonly service: string
    readonly labels?: Readonly<Record<string, string>>
  }
  readonly policies: readonly IstioObject[]
  readonly cases: readonly IstioCase[]
}

export interface IstioCase {
  readonly name?: string
  readonly from?: { readonly namespace: string; readonly serviceAccount: string; readonly mtls?: boolean } | null
  readonly request: Readonly<Record<string, unknown>>
  readonly allow?: boolean
  readonly expect: Readonly<Record<string, unknown>>
  readonly destinationLabels?: Readonly<Record<string, string>>
}

/** Undefined: it can be run. */
export function whyNot(suite: IstioSuite, one: IstioCase, book: TokenBook): string | undefined {
  const { request, from } = one
  if (text(request.scheme) === "tcp" || text(request.portName) === "tcp")
    return "the mesh carries HTTP and RPC, not TCP"
  if (from?.mtls === false) return "every caller inside the mesh has an identity: there is no plain text to call by"
  if (/egress/i.test(suite.test))
    return "there is no gateway on the way out: a service outside is a service of the mesh"
  const path = (text(request.path) ?? "/").replace(/[?#].*$/s, "")
  if (one.allow && /\/\//.test(path))
    return "the path has one canonical form, in which slashes are merged (decision 0006)"
  const unknown = one.allow ? unknowableFor(suite, path) : undefined
  if (unknown !== undefined) return `a Worker cannot know ${unknown}`
  const rules = suite.policies.flatMap(({ spec }) => list(record(spec).jwtRules).map(record))
  if (rules.some(({ timeout }) => timeout !== undefined))
    return "how long an issuer's keys may take is the same for all issuers"
  const isForbidden = list(one.expect.status).includes(403)
  if (isForbidden && isForOthers(JSON.stringify(request), rules, book)) {
    return "a token that was made for others proves nothing: it is refused as every bad one is, 401 (decision 0018)"
  }
  return undefined
}

/** An attribute that the rules for this path are about, and that is always absent here. */
function unknowableFor({ policies }: IstioSuite, path: string): string | undefined {
  for (const { kind, spec } of policies) {
    if (kind !== "AuthorizationPolicy") continue
    for (const rule of list(record(spec).rules).map(record)) {
      const paths = list(rule.to).flatMap((to) => list(record(record(to).operation).paths).map(String))
      if (paths.length > 0 && !paths.some((pattern) => pathTest(pattern)(path))) continue
      for (const key of list(rule.when).map((when) => String(record(when).key))) {
        // Inside the mesh nobody has an address.
        if (attributeOf(key)?.by === "unknowable" || key === "source.ip") return key
      }
      const hasBlocks = list(rule.from).some((from) => record(record(from).source).ipBlocks !== undefined)
      if (hasBlocks) return "the address of a service that calls"
    }
  }
  return undefined
}

/** Whether the request's token names another audience than all rules of its issuer want. */
function isForOthers(request: string, rules: readonly Readonly<Record<string, unknown>>[], book: TokenBook): boolean {
  const [, name = ""] = /<(Token[A-Za-z0-9]+)>/.exec(request) ?? []
  const claims = book.claimsOf(name)
  const own = rules.filter(({ issuer }) => claims !== undefined && issuer === claims.iss)
  const audiences = list(claims?.aud).map(String)
  return (
    own.length > 0 &&
    own.every((rule) => {
      const wanted = list(rule.audiences).map(String)
      return wanted.length > 0 && !wanted.some((one) => audiences.includes(one))
    })
  )
}
