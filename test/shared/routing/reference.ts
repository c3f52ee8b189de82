/**
 * The matcher as one would write it without a thought for speed: it asks every match of every route, one after the
 * other.
 */
import { namespaceOf } from "#shared/model/names.ts"
import type { Listener, Match, PathMatch, Route, Rule, ValueMatch } from "#shared/model/route.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import type { RequestHead } from "#shared/routing/head.ts"
import type { Entry } from "#shared/routing/table.ts"

interface Taken {
  readonly route: Route
  readonly rule: Rule
  readonly match: Match
  readonly place: readonly [rule: number, match: number]
}

export function referenceMatch(snapshot: Snapshot, entry: Entry, head: RequestHead): Taken | "implicit" | undefined {
  const routes = entry.at === "gateway" ? gatewayRoutes(snapshot, entry, head) : serviceRoutes(snapshot, entry, head)
  if (routes === "implicit") return routes
  const taken: Taken[] = []
  for (const route of routes) {
    route.rules.forEach((rule, ruleIndex) => {
      rule.matches.forEach((match, matchIndex) => {
        if (takes(match, head)) taken.push({ route, rule, match, place: [ruleIndex, matchIndex] })
      })
    })
  }
  const first = [...routes].sort(byAge)[0]
  return taken.sort((left, right) => (first?.order === "listed" ? byPlace(left, right) : bySpecific(left, right)))[0]
}

function gatewayRoutes(snapshot: Snapshot, entry: Entry & { at: "gateway" }, head: RequestHead): Route[] {
  const gateway = snapshot.gateways.find(({ id }) => id === entry.gateway)
  const fits = (listener: Listener) =>
    (listener.port === undefined || listener.port === entry.port) &&
    (listener.protocol === undefined || listener.protocol === entry.protocol) &&
    hostFits(listener.hostname ?? "*", head.host)
  const weight = (listener: Listener) =>
    hostWeight(listener.hostname ?? "*") * 4 + (listener.port ? 2 : 0) + (listener.protocol ? 1 : 0)
  const listener = gateway?.listeners.filter(fits).sort((left, right) => weight(right) - weight(left))[0]
  if (!listener) return []
  const found: { route: Route; weight: number }[] = []
  for (const route of snapshot.routes) {
    for (const attachment of route.attachments) {
      if (attachment.to !== "gateway" || attachment.gateway !== entry.gateway) continue
      if (attachment.listener !== undefined && attachment.listener !== listener.name) continue
      if (!hostFits(attachment.hostname, head.host)) continue
      // Both patterns take the host, so their intersection is the narrower of the two.
      found.push({ route, weight: Math.max(hostWeight(attachment.hostname), hostWeight(listener.hostname ?? "*")) })
    }
  }
  const best = Math.max(...found.map(({ weight }) => weight))
  return [...new Set(found.filter(({ weight }) => weight === best).map(({ route }) => route))]
}

function serviceRoutes(snapshot: Snapshot, entry: Entry & { at: "service" }, head: RequestHead): Route[] | "implicit" {
  const attached = (consumers: string | undefined) =>
    snapshot.routes.filter((route) =>
      route.attachments.some(
        (attachment) =>
          attachment.to === "service" && attachment.service === entry.service && attachment.consumers === consumers,
      ),
    )
  const consumer = head.caller ? attached(namespaceOf(head.caller)) : []
  if (consumer.length > 0) return consumer
  const producer = attached(undefined)
  return producer.length > 0 ? producer : "implicit"
}

function hostFits(pattern: string, host: string): boolean {
  if (pattern === "*") return true
  return pattern.startsWith("*.") ? host.endsWith(pattern.slice(1)) : pattern === host
}

function hostWeight(pattern: string): number {
  if (pattern === "*") return 0
  return pattern.startsWith("*.") ? pattern.split(".").length : 1000
}

function takes(match: Match, head: RequestHead): boolean {
  if (head.rpc === undefined ? match.rpc !== undefined : !takesRpc(match, head.rpc)) return false
  if (head.rpc === undefined && match.path && !pathTakes(match.path, head.path)) return false
  if (match.method !== undefined && match.method !== head.method) return false
  if (match.from && !(head.caller && match.from.includes(head.caller))) return false
  const query = new URLSearchParams(head.rawQuery)
  if (!match.headers.every((value) => headerTakes(value, head.headers.get(value.name)))) return false
  if (!match.query.every((value) => valueTakes(value, query.get(value.name)))) return false
  if (!match.cookies.every((value) => valueTakes(value, cookieOf(head.headers.get("cookie"), value.name)))) return false
  const claims = head.principals?.user?.claims ?? {}
  if (!(match.claims ?? []).every((value) => claimTakes(value, claims[value.name]))) return false
  return match.percent === undefined || head.dice * 100 < match.percent
}

function takesRpc(match: Match, name: string): boolean {
  if (match.method !== undefined || match.query.length > 0) return false
  if (match.path && !(match.path.kind === "prefix" && match.path.value === "/")) return false
  return match.rpc === undefined || new RegExp(`^${match.rpc.replaceAll("*", ".*")}$`).test(name)
}

function pathTakes(path: PathMatch, text: string): boolean {
  if (path.kind === "exact") return text === path.value
  if (path.kind === "regex") return new RegExp(`^(?:${path.value})$`).test(text)
  if (path.kind === "prefix") {
    const prefix = path.value.replace(/\/$/, "")
    return text === prefix || text.startsWith(`${prefix}/`)
  }
  const pattern = path.value
    .replace(/\{[a-z]+=\*\*\}|\*\*/g, "#")
    .replace(/\{[a-z]+\}|\*/g, "[^/]+")
    .replaceAll("#", ".*")
  return new RegExp(`^${pattern}$`).test(text)
}

function headerTakes(match: ValueMatch, value: string | null): boolean {
  const plain = { ...match, negate: false }
  const any = valueTakes(plain, value) || (value?.split(", ").some((part) => valueTakes(plain, part)) ?? false)
  return match.negate ? !any : any
}

function claimTakes(match: ValueMatch, claim: unknown): boolean {
  const { test, negate = false } = match
  const values = claim === undefined || claim === null ? undefined : [claim].flat().map(String)
  if (test.kind === "absent") return (values === undefined) !== negate
  if (test.kind === "present") return (values !== undefined) !== negate
  return (values ?? []).some((value) => valueTakes({ ...match, negate: false }, value)) !== negate
}

function valueTakes({ test, negate }: ValueMatch, value: string | null): boolean {
  const plain = () => {
    if (test.kind === "absent") return value === null
    if (value === null) return false
    if (test.kind === "present") return true
    if (test.kind === "exact") return value === test.value
    if (test.kind === "prefix") return value.indexOf(test.value) === 0
    if (test.kind === "suffix") return value.slice(value.length - test.value.length) === test.value
    if (test.kind === "contains") return value.indexOf(test.value) >= 0
    return new RegExp(`^(?:${test.value})$`).test(value)
  }
  return plain() !== (negate ?? false)
}

function cookieOf(header: string | null, name: string): string | null {
  for (const pair of (header ?? "").split(/; */)) {
    if (pair.startsWith(`${name}=`)) return pair.slice(name.length + 1)
  }
  return null
}

function bySpecific(left: Taken, right: Taken): number {
  const keys = (match: Match): (number | string)[] => [
    ...pathKeys(match),
    match.method ? 1 : 0,
    match.headers.length + match.cookies.length + (match.claims?.length ?? 0) + (match.from ? 1 : 0),
    match.query.length,
    match.percent === undefined ? 0 : 1,
  ]
  const [ours, theirs] = [keys(left.match), keys(right.match)]
  for (let index = 0; index < ours.length; index++) {
    const [mine, other] = [ours[index] ?? 0, theirs[index] ?? 0]
    if (mine !== other) return mine > other ? -1 : 1
  }
  return byPlace(left, right)
}

function pathKeys({ path, rpc }: Match): [kind: number, chars: number, shape: string] {
  if (rpc !== undefined) return rpc.includes("*") ? [3, rpc.replace(/\*/g, "").length, ""] : [4, 0, ""]
  if (!path || (path.kind === "prefix" && path.value === "/")) return [0, 0, ""]
  if (path.kind === "exact") return [4, 0, ""]
  if (path.kind === "prefix") return [3, path.value.replace(/\/$/, "").length, ""]
  if (path.kind === "regex") return [1, 0, ""]
  const digit = (part: string) => (part.includes("**") ? "a" : /^(\*|\{.*\})$/.test(part) ? "b" : "c")
  return [2, 0, path.value.slice(1).split("/").map(digit).join("")]
}

function byPlace(left: Taken, right: Taken): number {
  return byAge(left.route, right.route) || left.place[0] - right.place[0] || left.place[1] - right.place[1]
}

function byAge(left: Route, right: Route): number {
  return left.since - right.since || (left.id < right.id ? -1 : left.id > right.id ? 1 : 0)
}
