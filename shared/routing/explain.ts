/**
 * Why a request goes where it goes: the same questions as `match` asks, asked of every candidate, and the answers
 * kept. There is no second matcher here: the path indexes say which candidates the path reaches, and `firstFailing`
 * what stops them.
 */
import { namespaceOf, type RouteId, type RuleId } from "#shared/model/names.ts"
import type { Route } from "#shared/model/route.ts"
import type { Bucket } from "./bucket.ts"
import type { Candidate, Sink } from "./candidate.ts"
import { firstFailing } from "./condition.ts"
import { Reader, type RequestHead } from "./head.ts"
import { decidedBy } from "./precedence.ts"
import { bucketOf, type Entry, IMPLICIT, match, type RouteTable, serviceRoutes } from "./table.ts"
import { describeFailure, describeMatch, describePathFailure, quote } from "./words.ts"

export interface Explanation {
  readonly outcome: "matched" | "implicit" | "not_found"
  /** Which gateway, listener and hostname, or which service's routes; or why there is none. */
  readonly place: string
  readonly winner: Considered | undefined
  /** The nearest of the other matches there, at most `OTHERS_MAX`. */
  readonly others: readonly Considered[]
  /** How many further matches there are. */
  readonly more: number
}

export interface Considered {
  readonly route: RouteId
  readonly rule: RuleId
  readonly match: string
  /** The first condition that fails, or what it lost by. */
  readonly because: string
}

const OTHERS_MAX = 10

export function explain(table: RouteTable, entry: Entry, head: RequestHead): Explanation {
  const place = describePlace(table, entry, head)
  const bucket = bucketOf(table, entry, head)
  if (bucket === undefined || bucket === IMPLICIT) {
    return { outcome: bucket ?? "not_found", place, winner: undefined, others: [], more: 0 }
  }
  const reached = new Reached()
  bucket.visit(head, reached)
  const matched = match(table, entry, head)
  const won =
    matched && matched !== IMPLICIT
      ? bucket.candidates.find(({ matched: { rule, match } }) => rule === matched.rule && match === matched.match)
      : undefined
  const others = nearest(bucket, reached, head).filter((candidate) => candidate !== won)
  const reader = new Reader(head)
  const consider = (candidate: Candidate) => considered(candidate, won, reached, bucket.order, reader)
  return {
    outcome: won ? "matched" : "not_found",
    place,
    winner: won && consider(won),
    others: others.slice(0, OTHERS_MAX).map(consider),
    more: Math.max(0, others.length - OTHERS_MAX),
  }
}

function considered(
  candidate: Candidate,
  won: Candidate | undefined,
  reached: Reached,
  order: Route["order"],
  reader: Reader,
): Considered {
  const { route, rule, match } = candidate.matched
  const because = () => {
    if (candidate === won) return "all its conditions hold, and it comes first of those that do"
    if (!reached.candidates.has(candidate)) return describePathFailure(match, reader.head)
    const failing = firstFailing(candidate.conditions, reader)
    if (failing) return describeFailure(failing, reader)
    return `all its conditions hold, but ${won?.matched.rule.id} comes first by ${lostBy(candidate, won, order)}`
  }
  return { route: route.id, rule: rule.id, match: describeMatch(match), because: because() }
}

function lostBy(candidate: Candidate, won: Candidate | undefined, order: Route["order"]): string {
  return (won && decidedBy(won, candidate, order)) ?? "written order"
}

/** Those that the path reaches first, by precedence; then those whose path shares the most with the request's. */
function nearest(bucket: Bucket, reached: Reached, head: RequestHead): readonly Candidate[] {
  const distance = (candidate: Candidate) =>
    reached.candidates.has(candidate) ? -1 : head.path.length - sharedChars(candidate, head.path)
  return bucket.candidates
    .map((candidate) => ({ candidate, distance: distance(candidate) }))
    .sort((left, right) => left.distance - right.distance || left.candidate.position - right.candidate.position)
    .map(({ candidate }) => candidate)
}

function sharedChars(candidate: Candidate, path: string): number {
  const value = candidate.matched.match.path?.value ?? ""
  let shared = 0
  while (shared < path.length && path[shared] === value[shared]) shared++
  return shared
}

function describePlace(table: RouteTable, entry: Entry, head: RequestHead): string {
  if (entry.at === "service") return describeService(table, entry, head)
  const ingress = table.gateways.get(entry.gateway)
  if (!ingress) return `there is no gateway ${entry.gateway}`
  const listener = ingress.listener(entry.port, entry.protocol, head.host)
  const wanted = `host ${quote(head.host)} on port ${entry.port} (${entry.protocol})`
  if (!listener) return `gateway ${entry.gateway} has no listener for ${wanted}`
  const place = ingress.place(listener, head.host)
  const where = `gateway ${entry.gateway}, listener ${listener.name}`
  return place ? `${where}, hostname ${quote(place.hostname)}` : `${where}: no route names ${wanted}`
}

function describeService(table: RouteTable, entry: Entry & { at: "service" }, head: RequestHead): string {
  const attached = serviceRoutes(table, entry)
  const namespace = head.caller && namespaceOf(head.caller)
  if (namespace && attached?.consumers.has(namespace)) {
    return `service ${entry.service}, routes for callers of namespace ${namespace}`
  }
  if (attached?.producer) return `service ${entry.service}, routes for every caller`
  return `service ${entry.service} has no routes for this caller: it is simply called`
}

/** The candidates that the path (or RPC method) reaches, whatever their other conditions. */
class Reached implements Sink {
  readonly candidates = new Set<Candidate>()

  wants(): boolean {
    return true
  }

  offer(candidates: readonly Candidate[]): void {
    for (const candidate of candidates) this.candidates.add(candidate)
  }
}
