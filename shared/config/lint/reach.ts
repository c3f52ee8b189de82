/**
 * Rules that no request comes to, because others take all of theirs first. What comes first is the routing's own order of
 * candidates, and which candidates meet on one path is asked of its own index.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { Attachment, Gateway, Listener, Match, Route, Rule } from "#shared/model/route.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import { Bucket } from "#shared/routing/bucket.ts"
import type { Candidate, Sink } from "#shared/routing/candidate.ts"
import type { RequestHead } from "#shared/routing/head.ts"
import { ANY_HOST, intersect } from "#shared/routing/hostnames.ts"
import { decidedBy } from "#shared/routing/precedence.ts"
import { RegexPool } from "#shared/routing/regex.ts"
import { covers, literalStart } from "./cover.ts"
import { advise, type Sites } from "./site.ts"

/** The routes that are searched together: of one hostname at one listener, or of one service for one kind of caller. */
export interface Place {
  readonly name: string
  readonly bucket: Bucket
  readonly routes: Route[]
  /** Of public traffic. */
  readonly gateway?: { readonly listener: string; readonly hostname: string }
}

interface Shadow {
  readonly by: Candidate
  readonly criterion: string | undefined
}

export function placesOf({ routes, gateways }: Snapshot): Place[] {
  const places = new Map<string, Place>()
  const regexes = new RegexPool()
  const listenersOf = new Map(gateways.map((gateway) => [gateway.id, gateway]))
  for (const route of routes) {
    for (const attachment of route.attachments) {
      for (const { name, gateway } of doorsOf(attachment, listenersOf)) {
        const place = places.get(name) ?? { name, bucket: new Bucket(regexes), routes: [], ...(gateway && { gateway }) }
        places.set(name, place)
        if (place.routes.at(-1) !== route) place.routes.push(route)
        place.bucket.add(route)
      }
    }
  }
  return [...places.values()]
}

function doorsOf(
  attachment: Attachment,
  gateways: ReadonlyMap<string, Gateway>,
): readonly Pick<Place, "name" | "gateway">[] {
  if (attachment.to === "service") {
    const { service, consumers = "", port = "" } = attachment
    return [{ name: `service ${service} ${consumers} ${port}` }]
  }
  const { gateway: id, listener } = attachment
  const listeners: readonly Pick<Listener, "name" | "hostname">[] = gateways.get(id)?.listeners ?? [{ name: "default" }]
  return listeners.flatMap(({ name, hostname: served = ANY_HOST }) => {
    const hostname = listener === undefined || listener === name ? intersect(served, attachment.hostname) : undefined
    if (hostname === undefined) return []
    return [{ name: `gateway ${id} ${name} ${hostname}`, gateway: { listener: `${id} ${name}`, hostname } }]
  })
}

/** A match is unreachable when it is so in every place that its route is attached to. */
export function lintReach(places: readonly Place[], sites: Sites): void {
  const budget = { left: LIMITS.lintStepsMax }
  const shadows = new Map<Rule, Map<Match, Shadow | undefined>>()
  for (const { bucket } of places) {
    const reaching = new Reaching(bucket)
    for (const candidate of bucket.candidates) {
      const { rule, match } = candidate.matched
      const known = shadows.get(rule) ?? new Map<Match, Shadow | undefined>()
      shadows.set(rule, known)
      if (known.has(match) && known.get(match) === undefined) continue
      known.set(match, reaching.shadowOf(candidate, budget))
    }
  }
  for (const [rule, byMatch] of shadows) report(rule, byMatch, sites)
}

function report(rule: Rule, byMatch: ReadonlyMap<Match, Shadow | undefined>, sites: Sites): void {
  const shadowed = rule.matches.flatMap((match, index) => {
    const shadow = byMatch.get(match)
    return shadow ? [{ index, shadow }] : []
  })
  const [first] = shadowed
  if (!first) return
  const takers = [...new Set(shadowed.map(({ shadow }) => shadow.by.matched.rule.id))].join(", ")
  if (shadowed.length === rule.matches.length) {
    const message = `No request comes to this rule: ${takers} takes all of them first${byCriterion(first.shadow)}`
    sites.atRule(rule, [], advise("warning", "unreachable-rule", message, wayOut(rule, first.shadow)))
    return
  }
  for (const { index, shadow } of shadowed) {
    const message = `No request comes by this match: ${shadow.by.matched.rule.id} takes all of them first`
    sites.atRule(rule, [], advise("info", "shadowed-match", message, wayOut(rule, shadow)), index)
  }
}

function byCriterion({ criterion }: Shadow): string {
  return criterion === undefined ? "" : ` (by ${criterion})`
}

function wayOut(rule: Rule, { by, criterion }: Shadow): string {
  const other = by.matched.rule.id
  if (other === rule.id) return "remove it"
  if (by.matched.route.order === "listed") return `move it before ${other}, or remove it`
  return criterion === "written order" || criterion?.endsWith("of the route")
    ? `remove one of both, or give this one a further condition`
    : `narrow what ${other} takes, or remove this one`
}

class Reaching {
  readonly #bucket: Bucket
  readonly #byRegex = new Map<string, Candidate[]>()

  constructor(bucket: Bucket) {
    this.#bucket = bucket
    for (const candidate of bucket.candidates) {
      const { path } = candidate.matched.match
      if (path?.kind !== "regex") continue
      const same = this.#byRegex.get(path.value) ?? []
      this.#byRegex.set(path.value, same)
      same.push(candidate)
    }
  }

  /** The first candidate that takes all that this one would take. */
  shadowOf(candidate: Candidate, budget: { left: number }): Shadow | undefined {
    if (budget.left <= 0) return undefined
    const { match, route } = candidate.matched
    const found = new Before(candidate.position)
    this.#bucket.visit(witnessOf(match), found)
    if (match.path?.kind === "regex") found.offer(this.#byRegex.get(match.path.value) ?? [])
    found.candidates.sort((left, right) => left.position - right.position)
    budget.left -= found.candidates.length
    for (const other of found.candidates) {
      if (covers(other.matched.match, match)) return { by: other, criterion: decidedBy(other, candidate, route.order) }
    }
    return undefined
  }
}

/** Whoever takes every path that a match takes also takes this one. */
function witnessOf({ path, rpc }: Match): RequestHead {
  const place = path?.kind === "template" ? path.value.replace(/\{[^}]*\}|\*+/g, "x") : path?.value
  return {
    method: "",
    path: path?.kind === "regex" ? literalStart(path.value) || "/" : (place ?? "/"),
    rawQuery: "",
    host: "",
    headers: NO_HEADERS,
    caller: undefined,
    rpc: rpc?.replaceAll("*", "x"),
    dice: 0,
  }
}

const NO_HEADERS = new Headers()

/** The candidates at this path that are asked before a position. */
class Before implements Sink {
  readonly candidates: Candidate[] = []
  readonly #position: number

  constructor(position: number) {
    this.#position = position
  }

  wants(position: number): boolean {
    return position < this.#position
  }

  offer(candidates: readonly Candidate[]): void {
    for (const candidate of candidates) {
      if (candidate.position >= this.#position) return
      this.candidates.push(candidate)
    }
  }
}
