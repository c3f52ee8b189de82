/**
 * What access policies mean, written a second time and as plainly as can be: every policy is looked at for every request, patterns
 * are regular expressions, addresses are numbers, readings come from Node. Slow, and shares nothing with the compiled table.
 */
import { isIPv4 } from "node:net"
import { posix } from "node:path"
import type { AccessPolicy, Condition, PolicyRule } from "#shared/model/access-policy.ts"
import type { Place } from "#shared/model/target.ts"
import type { Told } from "./access-build.ts"

export type Decided = "open" | "denied" | "allowed" | "not allowed" | "default deny" | "default allow"

export function decideByReference(
  policies: readonly AccessPolicy[],
  place: Place,
  told: Told,
  rehearsed = false,
): Decided {
  const covering = policies.filter((policy) => isCovered(policy, place) && (rehearsed || !("dryRun" in policy)))
  const decisions = readings(told).map((one) => decideReading(covering, one))
  return decisions.find((decision) => !isAllowed(decision)) ?? decisions.at(-1)!
}

export function isAllowed(decided: Decided): boolean {
  return decided === "open" || decided === "allowed" || decided === "default allow"
}

/** Names of the policies of an action that take the request, however it is read. */
export function takenByReference(
  policies: readonly AccessPolicy[],
  action: string,
  place: Place,
  told: Told,
): string[] {
  const covering = policies.filter((policy) => isCovered(policy, place) && policy.action === action)
  return covering.filter((policy) => readings(told).some((one) => isTaken(policy, one))).map(({ id }) => id)
}

function decideReading(policies: readonly AccessPolicy[], told: Told): Decided {
  const of = (action: string) => policies.filter((policy) => policy.action === action)
  if (of("deny").some((policy) => isTaken(policy, told))) return "denied"
  if (of("allow").length > 0) return of("allow").some((policy) => isTaken(policy, told)) ? "allowed" : "not allowed"
  for (const breadth of ["places", "namespace", "mesh"]) {
    const verdicts = of("default").flatMap((one) =>
      one.action === "default" && one.target.of === breadth ? [one.verdict] : [],
    )
    if (verdicts.includes("deny")) return "default deny"
    if (verdicts.includes("allow")) return "default allow"
  }
  return "open"
}

function isCovered({ target }: AccessPolicy, place: Place): boolean {
  if (target.of === "mesh") return true
  const id: string = place.at === "service" ? place.service : place.gateway
  if (target.of === "namespace") return place.at === "service" && id.split("/")[0] === target.namespace
  return ((place.at === "service" ? target.services : target.gateways) as readonly string[]).includes(id)
}

function readings(told: Told): Told[] {
  if (told.rpc !== undefined) return [told]
  const plain = unescape(told.path ?? "/")
  if (!plain.includes(";")) return [{ ...told, path: plain }]
  const written = told.path!.includes(";") ? [unescape(bare(told.path!))] : []
  return [plain, ...written, bare(plain)].map((path) => ({ ...told, path }))
}

function bare(path: string): string {
  const stripped = path
    .split("/")
    .map((segment) => segment.split(";")[0])
    .join("/")
  // Node keeps the slash that a path ends with, but not one after dots.
  const slash = /\/\.{1,2}$/.test(stripped) && posix.normalize(stripped) !== "/" ? "/" : ""
  return posix.normalize(stripped) + slash
}

function isTaken(policy: AccessPolicy, told: Told): boolean {
  if (policy.action === "default") return false
  const permits = policy.action === "allow"
  const meets = (conditions: readonly Condition[]) => conditions.every((condition) => isMet(condition, told, permits))
  return policy.rules.some(
    ({ from, to, when }: PolicyRule) =>
      (from.length === 0 || from.some(meets)) && (to.length === 0 || to.some(meets)) && meets(when),
  )
}

function isMet({ on, values, ...rest }: Condition, told: Told, permits: boolean): boolean {
  const not = rest.not === true
  if (on.by === "unknowable") return !permits
  const found = valuesOf(on, told)
  if (found === undefined) return not && !permits
  const matches = (value: string) => values.some((pattern) => isMatch(on.by, pattern, value, told))
  if (on.by === "header") {
    if (found.length === 1) return matches(found[0]!) !== not
    const line = told.headers!.flatMap(([name, value]) => (name === on.name ? [value] : [])).join(", ")
    const inFull = values.includes(line)
    if (permits && !not) return inFull || found.every(matches)
    if (permits) return !matches(line) && !found.some(matches)
    return not ? !inFull && found.some((value) => !matches(value)) : matches(line) || found.some(matches)
  }
  return found.some(matches) !== not
}

/** Undefined: there is no such thing. */
function valuesOf(on: Condition["on"], told: Told): string[] | undefined {
  const http = told.rpc === undefined
  const given = (value: string | undefined) => (value === undefined ? undefined : [value])
  const [issuer, subject] = told.user?.split(" ") ?? []
  const hasUser = told.user !== undefined || told.claims || told.audiences || told.presenter !== undefined
  switch (on.by) {
    case "service":
      return given(told.from)
    case "namespace":
      return given(told.from?.replace(/\/.*/, ""))
    case "workload":
      return given(told.from?.replace(/(.*)\/(.*)/, "cluster.local/ns/$1/sa/$2"))
    case "trustDomain":
      return given(told.from && "cluster.local")
    case "gateway":
      return given(told.gateway)
    case "principal":
      return issuer !== undefined && subject ? [`${issuer} ${subject}`] : undefined
    case "audience":
      return hasUser ? [...(told.audiences ?? [])] : undefined
    case "presenter":
      return given(told.presenter)
    case "claim": {
      let claim: unknown = told.claims
      for (const name of on.path) {
        const isObject = typeof claim === "object" && claim !== null && !Array.isArray(claim)
        claim = isObject ? Object.entries(claim!).find(([key]) => key === name)?.[1] : undefined
      }
      if (claim === undefined || claim === null) return undefined
      const all = Array.isArray(claim) ? claim : [claim]
      return all.filter((one) => typeof one !== "object").map(String)
    }
    case "key":
      return given(told.key?.id)
    case "keyOwner":
      return given(told.key?.owner)
    case "keyScope":
      return told.key && [...told.key.scopes]
    case "address":
      return given(told.address)
    case "rpc":
      return given(told.rpc)
    case "method":
      return http ? [told.method ?? "GET"] : undefined
    case "host":
      return http ? [told.host ?? "orders.default"] : undefined
    case "port":
      return http ? [String(told.port ?? 80)] : undefined
    case "path":
      return http ? [told.path!] : undefined
    case "header": {
      const found = http ? (told.headers ?? []).filter(([name]) => name === on.name) : []
      return found.length === 0 ? undefined : found.flatMap(([, value]) => value.split(",").map((one) => one.trim()))
    }
    case "unknowable":
      return undefined
  }
}

function isMatch(by: string, pattern: string, value: string, told: Told): boolean {
  switch (by) {
    case "address":
      return isInNetwork(pattern, value)
    case "path":
      return new RegExp(`^${pathExpression(pattern)}$`, "s").test(value)
    case "principal": {
      const [issuer, subject] = value.split(" ") as [string, string]
      return principalExpression(pattern).test(`${issuer} ${subject}`)
    }
    case "host":
      return text(pattern.toLowerCase(), pattern.includes(":") ? `${value}:${told.port ?? 80}` : value)
    case "header":
      return pattern === "*" || text(pattern, value)
    default:
      return text(pattern, value)
  }
}

const quoted = (literal: string) => literal.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")

function text(pattern: string, value: string): boolean {
  if (pattern === "*") return value !== ""
  const [, before, literal = "", after] = /^(\*?)(.*?)(\*?)$/s.exec(pattern)!
  const whole = before ? `${quoted(literal + after)}$` : after ? `^${quoted(literal)}` : `^${quoted(literal)}$`
  return new RegExp(whole, "s").test(value)
}

function pathExpression(pattern: string): string {
  if (pattern.includes("{")) {
    return pattern
      .split(/(\{\*\*\}|\{\*\})/)
      .map((part) => (part === "{**}" ? ".*" : part === "{*}" ? "[^/]+" : quoted(unescape(part))))
      .join("")
  }
  if (pattern === "*") return ".*"
  if (pattern.startsWith("*")) return `.*${quoted(unescape(pattern.slice(1)))}`
  return pattern.endsWith("*") ? `${quoted(unescape(pattern.slice(0, -1)))}.*` : quoted(unescape(pattern))
}

/** Over `issuer subject`. */
function principalExpression(pattern: string): RegExp {
  const star = "[^ ]+"
  const slash = pattern.lastIndexOf("/")
  const [issuer, subject] = [pattern.slice(0, Math.max(slash, 0)), pattern.slice(slash + 1)]
  const expression = ((): string => {
    if (pattern === "*") return `${star} ${star}`
    if (pattern.startsWith("*")) {
      if (slash < 0) return `${star} .*${quoted(pattern.slice(1))}`
      return `${issuer === "*" ? star : `[^ ]*${quoted(issuer.slice(1))}`} ${quoted(subject)}`
    }
    if (slash < 0) return pattern.endsWith("*") ? `${quoted(pattern.slice(0, -1))}[^ ]* ${star}` : "(?!)"
    if (!pattern.endsWith("*")) return `${quoted(issuer)} ${quoted(subject)}`
    return `${quoted(issuer)} ${subject === "*" ? star : `${quoted(subject.slice(0, -1))}.*`}`
  })()
  return new RegExp(`^${expression}$`, "s")
}

function isInNetwork(network: string, address: string): boolean {
  const [base = "", bits] = network.split("/")
  const family = (one: string) => (isIPv4(one) ? 32 : 128)
  if (family(base) !== family(address)) return false
  const length = BigInt(bits ?? family(base))
  const shift = BigInt(family(base)) - length
  return numberOf(base) >> shift === numberOf(address) >> shift
}

function numberOf(address: string): bigint {
  if (isIPv4(address)) return address.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n)
  const [left = "", right = ""] = address.split("::")
  const groups = (half: string) => (half === "" ? [] : half.split(":"))
  const missing = 8 - groups(left).length - groups(right).length
  const all = [...groups(left), ...new Array(address.includes("::") ? missing : 0).fill("0"), ...groups(right)]
  return all.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n)
}
