/**
 * One condition of an access policy, compiled to a function of the request. What is absent, and what has several values, is judged by
 * what the policy is there for (rule S6): a policy that *catches* requests (deny, audit, custom) does so as soon as one reading of
 * the request meets its condition; one that *permits* needs all of them to.
 *
 *                        value absent    a header of several values        a set (claims, audiences, scopes)
 *   values     catches   does not hold   one of them is in the list        one of them is in the list
 *              permits   does not hold   all of them are                   one of them is
 *   not        catches   holds           one of them is not in the list    none of them is
 *              permits   does not hold   none of them is                   none of them is
 */
import type { Condition } from "#shared/model/access-policy.ts"
import { type GatewayId, namespaceOf } from "#shared/model/names.ts"
import type { Claim, Claims, EndUser, Principals } from "#shared/model/principal.ts"
import { contains, type Network, parseAddress, parseNetwork } from "#shared/std/ip.ts"
import { memberAt } from "#shared/std/member-path.ts"
import { pathPatternFault, pathTest } from "#shared/std/path-pattern.ts"

/** What policies judge: one request, as the gateway or the service that it is judged for sees it. */
export interface Subject {
  readonly principals: Principals
  /** The gateway by which it came in; undefined for a request of a service. */
  readonly gateway: GatewayId | undefined
  /** Undefined for an RPC call. */
  readonly http: HttpSubject | undefined
  /** Undefined for everything else. */
  readonly rpc: string | undefined
}

export interface HttpSubject {
  readonly method: string
  /** Lower-case, without port. */
  readonly host: string
  readonly port: number
  /** One reading of the canonical path (`readingsOf`). */
  readonly path: string
  readonly headers: Headers
}

export type Holds = (subject: Subject) => boolean
export type Stance = "catches" | "permits"

type Test = (value: string) => boolean

/** What stands in the place of a trust domain where callers are named by the platform. */
export const TRUST_DOMAIN = "cluster.local"

export function compileCondition(condition: Condition, stance: Stance): Holds {
  const { on, values } = condition
  const not = condition.not === true
  const whenAbsent = not && stance === "catches"
  const one = (read: (subject: Subject) => string | undefined, test: Test): Holds => {
    return (subject) => {
      const value = read(subject)
      return value === undefined ? whenAbsent : test(value) !== not
    }
  }
  const some = (read: (subject: Subject) => readonly string[] | undefined): Holds => {
    // Whom a match helps must not have two domains: `a@evil@acme.test` is read as either.
    const test = textTest(values, undefined, (stance === "permits") !== not)
    return (subject) => {
      const found = read(subject)
      return found === undefined ? whenAbsent : found.some(test) !== not
    }
  }
  switch (on.by) {
    case "service":
      return one(({ principals }) => principals.caller, textTest(values))
    case "namespace":
      return one(({ principals: { caller } }) => caller && namespaceOf(caller), textTest(values))
    case "workload":
      return one(({ principals }) => workloadOf(principals), textTest(values))
    case "trustDomain":
      return one(({ principals }) => principals.caller && TRUST_DOMAIN, textTest(values))
    case "gateway":
      return one(({ gateway }) => gateway, textTest(values))
    case "principal":
      return principalCondition(values, not, whenAbsent)
    case "audience":
      return some(({ principals }) => principals.user?.audiences)
    case "presenter":
      return one(({ principals }) => principals.user?.presenter, textTest(values))
    case "claim":
      return some(({ principals }) => principals.user && claimAt(principals.user.claims, on.path))
    case "key":
      return one(({ principals }) => principals.key?.id, textTest(values))
    case "keyOwner":
      return one(({ principals }) => principals.key?.owner, textTest(values))
    case "keyScope":
      return some(({ principals }) => principals.key?.scopes)
    case "address":
      return addressCondition(values, not, stance)
    case "host":
      return hostCondition(values, not, whenAbsent)
    case "port":
      return one(({ http }) => http && String(http.port), textTest(values))
    case "method":
      return one(({ http }) => http?.method, textTest(values))
    case "path":
      if (values.some((pattern) => pathPatternFault(pattern) !== undefined)) return () => stance === "catches"
      return one(({ http }) => http?.path, anyOf(values.map(pathTest)))
    case "rpc":
      return one(({ rpc }) => rpc, textTest(values))
    case "header":
      return headerCondition(on.name, values, not, stance)
    case "unknowable":
      return () => stance === "catches"
  }
}

/** Istio's patterns of texts. With `oneDomain`, what `*@acme.test` takes has no other "@". */
export function textTest(patterns: readonly string[], any: Test = (value) => value !== "", oneDomain = false): Test {
  const exact = new Set<string>()
  const tests: Test[] = []
  for (const pattern of patterns) {
    if (pattern === "*") tests.push(any)
    else if (pattern.startsWith("*")) tests.push(suffixTest(pattern.slice(1), oneDomain))
    else if (pattern.endsWith("*")) tests.push((value) => value.startsWith(pattern.slice(0, -1)))
    else exact.add(pattern)
  }
  return exact.size === 0 ? anyOf(tests) : anyOf([(value) => exact.has(value), ...tests])
}

function suffixTest(suffix: string, oneDomain: boolean): Test {
  const isDomain = oneDomain && suffix.startsWith("@")
  return (value) => value.endsWith(suffix) && (!isDomain || value.indexOf("@") === value.length - suffix.length)
}

function anyOf(tests: readonly Test[]): Test {
  const [only] = tests
  return only && tests.length === 1 ? only : (value) => tests.some((test) => test(value))
}

function workloadOf({ caller }: Principals): string | undefined {
  if (caller === undefined) return undefined
  const slash = caller.indexOf("/")
  return `${TRUST_DOMAIN}/ns/${caller.slice(0, slash)}/sa/${caller.slice(slash + 1)}`
}

function principalCondition(patterns: readonly string[], not: boolean, whenAbsent: boolean): Holds {
  const tests = patterns.map(principalTest)
  return ({ principals: { user } }) => {
    if (user === undefined || user.subject === "") return whenAbsent
    return tests.some((test) => test(user)) !== not
  }
}

/**
 * `<issuer>/<subject>`: an issuer is often a URL, and so the last slash divides. A star is one at the beginning or the end of the whole
 * pattern only; without a slash it stands for the other part too (Istio: requestPrincipals).
 */
function principalTest(pattern: string): (user: EndUser) => boolean {
  const begins = pattern.startsWith("*")
  const ends = !begins && pattern.endsWith("*")
  const slash = pattern.lastIndexOf("/")
  if (slash < 0) {
    const test = textTest([pattern])
    return begins ? ({ subject }) => test(subject) : ({ issuer }) => ends && test(issuer)
  }
  const [issuer, subject] = [pattern.slice(0, slash), pattern.slice(slash + 1)]
  const isIssuer = begins ? textTest([issuer]) : (text: string) => text === issuer
  const isSubject = ends ? textTest([subject]) : (text: string) => text === subject
  return (user) => isIssuer(user.issuer) && isSubject(user.subject)
}

/** The values of a claim; an object has none that could be compared. Undefined when there is no such claim. */
export function claimAt(claims: Claims, path: readonly string[]): readonly string[] | undefined {
  const found = memberAt(claims, path) as Claim | undefined
  if (found === undefined || found === null) return undefined
  const values: readonly Claim[] = Array.isArray(found) ? found : [found]
  return values.filter((value) => typeof value !== "object").map(String)
}

function addressCondition(patterns: readonly string[], not: boolean, stance: Stance): Holds {
  const networks = patterns.map(parseNetwork).filter((network): network is Network => network !== undefined)
  if (networks.length < patterns.length) return () => stance === "catches"
  return ({ principals: { address: written } }) => {
    const address = written === undefined ? undefined : parseAddress(written)
    // What claims to be an address and cannot be read is nobody's.
    if (!address) return not && stance === "catches"
    return networks.some((network) => contains(network, address)) !== not
  }
}

function hostCondition(patterns: readonly string[], not: boolean, whenAbsent: boolean): Holds {
  const folded = patterns.map((pattern) => pattern.toLowerCase())
  const byName = textTest(folded.filter((pattern) => !pattern.includes(":")))
  const withPort = folded.filter((pattern) => pattern.includes(":"))
  const byAuthority = textTest(withPort)
  return ({ http }) => {
    if (!http) return whenAbsent
    const found = byName(http.host) || (withPort.length > 0 && byAuthority(`${http.host}:${http.port}`))
    return found !== not
  }
}

/** Headers whose one value may hold commas. All others are lists, in which each value counts by itself. */
const UNLISTED = new Set(["date", "if-modified-since", "if-unmodified-since", "referer", "user-agent"])

function headerCondition(name: string, patterns: readonly string[], not: boolean, stance: Stance): Holds {
  const test = textTest(patterns, () => true)
  const isWhole = new Set(patterns)
  const unlisted = UNLISTED.has(name)
  return ({ http }) => {
    const line = http?.headers.get(name) ?? undefined
    if (line === undefined) return not && stance === "catches"
    if (unlisted || !line.includes(",")) return test(line) !== not
    const values = line.split(",").map((value) => value.trim())
    const found = isWhole.has(line)
    if (stance === "catches")
      return not ? !found && values.some((value) => !test(value)) : test(line) || values.some(test)
    return not ? !test(line) && !values.some(test) : found || values.every(test)
  }
}
