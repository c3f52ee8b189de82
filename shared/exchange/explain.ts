/**
 * Where a request would go, and why: the stages of the proxy's pipeline, by the same functions, with every decision kept.
 * What the proxy leaves to the dice is told with its shares.
 */

import { trustedPeers } from "#shared/identity/client-address.ts"
import type { AccessPolicy } from "#shared/model/access-policy.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { ServiceId } from "#shared/model/names.ts"
import type { Principals } from "#shared/model/principal.ts"
import { isRefusal, type Refusal, refuse } from "#shared/model/refusal.ts"
import type { Backend, Rule, Sticky } from "#shared/model/route.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import type { Place } from "#shared/model/target.ts"
import type { Branch, DescribedRequest, Explained, Understood } from "#shared/protocol/explain.ts"
import { mayRepeat } from "#shared/resilience/retry.ts"
import { explain as explainMatch } from "#shared/routing/explain.ts"
import { applyHeaderChange } from "#shared/routing/filters.ts"
import type { RequestHead } from "#shared/routing/head.ts"
import { compile, type Entry, type RouteTable } from "#shared/routing/table.ts"
import { traceparentOf } from "#shared/telemetry/b3.ts"
import { enterTrace } from "#shared/telemetry/trace-context.ts"
import { type Address, authorityOf, urlOf } from "./address.ts"
import { type Admitted, admit, cleanse } from "./admit.ts"
import { explainRefusal, follow, type Subject } from "./branch.ts"
import { type Choice, choose, identify, type Services } from "./decide.ts"
import { type Arriving, arriving } from "./described.ts"
import { explainAccess } from "./explain-access.ts"
import { DescribedProof } from "./explain-authentication.ts"
import { backendName, describeLimit } from "./filter-words.ts"
import { answersPreflights, doorOf, servicesReached } from "./reach.ts"
import { likeliestDice, sharesOf } from "./shares.ts"

export interface ExplainBy {
  readonly revision: number
  readonly snapshot: Snapshot
  /** The bindings of live proxies; absent when none has told. */
  readonly bindings?: ReadonlySet<string>
  /** The snapshot's own, where many requests are explained by it. */
  readonly table?: RouteTable
  /** For conditions on the time; without, none of them holds. */
  readonly nowMs?: number
}

/** As a deployed proxy stands. */
const PUBLISHED = { edge: true, keepsAmbiguousNames: false }

export function explain(
  { revision, snapshot, bindings, table = compile(snapshot), nowMs }: ExplainBy,
  described: DescribedRequest,
): Explained {
  const request = arriving(described)
  if (isRefusal(request)) return refused(revision, request)
  const admitted = admit(request.raw, request.entrance.at, PUBLISHED)
  if (isRefusal(admitted)) return refused(revision, admitted)
  const services: Services = new Map(snapshot.services.map((service) => [service.id, service]))
  const entry = identify(request.entrance, services, admitted.address)
  const understood = understand(request, admitted, isRefusal(entry) ? undefined : entry)
  if (admitted.hops + 1 > LIMITS.hopsMax) return refused(revision, refuse("loop_detected"), understood)
  if (isRefusal(entry)) return refused(revision, entry, understood)

  const proof = new DescribedProof(snapshot.authentications ?? [], described, request)
  const asked = headersOf(request, admitted)
  const unknown = proof.pass([doorOf(entry)], asked)
  if (unknown) return { ...refused(revision, unknown, understood), ...proofOf(proof) }

  const first: RequestHead = {
    ...headOf(request, admitted, asked, described.dice ?? 0),
    address: addressIn(snapshot, request, admitted),
    nowMs,
    principals: proof.principals,
  }
  const shares = described.dice === undefined ? sharesOf(table, entry, first) : []
  const matching = { ...first, dice: described.dice ?? likeliestDice(shares) }
  const told = explainMatch(table, entry, matching)
  const { place, others, more } = told
  const found = {
    place,
    others,
    more,
    ...(told.winner && { winner: told.winner }),
    ...(shares.length > 1 && { shares }),
  }

  const traceId = enterTrace(traceparentOf(matching.headers, admitted.mayHaveB3), () => "").traceId
  const choiceFor = (dice: number) => choose(table, entry, matching, traceId, dice)
  const choice = choiceFor(described.dice ?? 0)
  if (isRefusal(choice)) return { ...refused(revision, choice, understood), ...found, ...proofOf(proof) }

  const reached = [...servicesReached(services, choice.matched, choice.backend)]
  const headers = new Headers(asked)
  const unproven =
    proof.pass(reached.map(placeOf), headers) ?? proof.preflightRefused(answersPreflights(choice.matched))
  if (unproven) return { ...refused(revision, unproven, understood), ...found, ...proofOf(proof) }

  const head = { ...matching, headers, principals: proof.principals }
  const judge = snapshot.policies && judgeFor(snapshot.policies, request, proof.principals)
  const access = judge?.(undefined, admitted.address, head.headers)
  if (access && !access.allowed)
    return { ...refused(revision, refuse("forbidden"), understood), ...found, ...proofOf(proof), access }
  const address = request.rpc === undefined ? admitted.address : undefined
  const { matched } = choice
  const subject: Subject = { services, bindings, head, address, matched, ...(judge && { judge }) }
  const rule = matched?.rule
  // The id of a chain that begins with this request is not known yet.
  const begins = rule?.sticky?.by === "chain" && traceId === ""
  const sticks = rule?.sticky !== undefined && !begins && sameWhateverTheDice(rule.backends, choiceFor)
  const certain = sticks || (described.dice !== undefined && !begins)
  return {
    revision,
    understood,
    ...found,
    ...proofOf(proof),
    ...(access && { access }),
    ...(rule?.rateLimits && { rateLimits: rule.rateLimits.map((limit) => describeLimit(limit, head)) }),
    ...(rule?.sticky && { sticky: describeSticky(rule.sticky, sticks) }),
    branches: branchesOf(subject, choice, certain),
    ...(rule && { timeouts: rule.timeouts }),
    ...(rule?.retry && { retry: { ...rule.retry, ...retryOf(rule.retry, subject) } }),
  }
}

function placeOf(service: ServiceId): Place {
  return { at: "service", service }
}

function proofOf({ told, unproven }: DescribedProof): Pick<Explained, "authentication" | "unproven"> {
  return { ...(told.length > 0 && { authentication: told }), ...(unproven !== undefined && { unproven }) }
}

/** At the service, or at the request's own gateway. */
function judgeFor(policies: readonly AccessPolicy[], { raw, entrance, rpc }: Arriving, principals: Principals) {
  const gateway = entrance.at === "gateway" ? entrance.gateway : undefined
  return (service: ServiceId | undefined, address: Address | undefined, headers: Headers) => {
    if (service === undefined && gateway === undefined) return undefined
    const http = rpc === undefined && address ? { ...address, method: raw.method, headers } : undefined
    const place: Place = service === undefined ? { at: "gateway", gateway: gateway! } : { at: "service", service }
    return explainAccess(policies, place, { principals, gateway, http, rpc })
  }
}

function refused(revision: number, refusal: Refusal, understood?: Understood): Explained {
  const known = understood && { understood }
  return { revision, ...known, others: [], more: 0, branches: [], refusal: explainRefusal(refusal) }
}

function understand({ raw, entrance, rpc }: Arriving, { address, dropped }: Admitted, entry?: Entry): Understood {
  return {
    method: rpc === undefined ? raw.method : "RPC",
    ...(rpc === undefined ? { url: urlOf(address) } : { rpc }),
    ...(entrance.at === "service" && { caller: entrance.peer.from }),
    ...(entry?.at === "service" && { service: entry.service }),
    dropped: [...new Set(dropped)].filter((name) => raw.headers.has(name)),
  }
}

function addressIn({ gateways }: Snapshot, { entrance }: Arriving, { from }: Admitted): string | undefined {
  const gateway = entrance.at === "gateway" ? gateways.find(({ id }) => id === entrance.gateway) : undefined
  return gateway?.clientAddress ? trustedPeers(gateway.clientAddress).addressOf(from) : from.edge
}

/** As the proxy makes it (`pipeline.ts`, `rpc.ts`). */
function headOf({ raw, entrance, rpc }: Arriving, { address }: Admitted, headers: Headers, dice: number): RequestHead {
  const caller: ServiceId | undefined = entrance.at === "service" ? entrance.peer.from : undefined
  if (rpc !== undefined) return { method: "", path: "", rawQuery: "", host: "", headers, caller, rpc, dice }
  const { path, rawQuery } = address
  const host = entrance.at === "service" ? "" : address.host
  return { method: raw.method, path, rawQuery, host, headers, caller, rpc: undefined, dice }
}

/** A call has none. */
function headersOf({ raw, rpc }: Arriving, admitted: Admitted): Headers {
  if (rpc !== undefined) return new Headers()
  const headers = new Headers(raw.headers)
  cleanse(headers, admitted)
  if (headers.has("host")) headers.set("host", authorityOf(admitted.address))
  return headers
}

function branchesOf(subject: Subject, { matched, backend: taken }: Choice, certain: boolean): Branch[] {
  const backends = matched ? matched.rule.backends.filter(({ weight }) => weight > 0) : taken ? [taken] : []
  const reached = taken && !backends.includes(taken) ? [...backends, taken] : backends
  if (reached.length === 0) return [{ share: 1, chosen: true, ...follow(subject, undefined) }]
  const sum = reached.reduce((total, { weight }) => total + weight, 0)
  return reached.map((backend) => ({
    backend: backendName(backend),
    share: sum === 0 ? 0 : backend.weight / sum,
    chosen: reached.length === 1 || (certain && backend === taken),
    ...follow(subject, backend),
  }))
}

/** One throw into the middle of each backend's share. */
function sameWhateverTheDice(backends: readonly Backend[], choiceFor: (dice: number) => Choice | Refusal): boolean {
  const sum = backends.reduce((total, { weight }) => total + weight, 0)
  const taken = new Set<Backend | undefined>()
  let upTo = 0
  for (const { weight } of backends) {
    const choice = choiceFor((upTo + weight / 2) / Math.max(sum, 1))
    upTo += weight
    if (!isRefusal(choice)) taken.add(choice.backend)
  }
  return taken.size === 1
}

function describeSticky(sticky: Sticky, decided: boolean): string {
  const by = stickyWords(sticky)
  return decided ? `decided by ${by}` : `by ${by}, which this request does not bring: the dice decide`
}

function stickyWords(sticky: Sticky): string {
  switch (sticky.by) {
    case "header":
    case "cookie":
      return `the ${sticky.by} ${sticky.name}`
    case "chain":
      return "the chain of requests"
    case "caller":
      return "the caller"
    case "session":
      return `the session in the cookie ${sticky.cookie}`
  }
}

function retryOf(retry: NonNullable<Rule["retry"]>, { head, matched }: Subject) {
  if (retry.unsafe) return { applies: true, because: 'the rule says "unsafe"' }
  if (head.rpc !== undefined)
    return { applies: false, because: 'a call may act twice, and the rule does not say "unsafe"' }
  const headers = new Headers(head.headers)
  for (const filter of matched?.rule.filters ?? []) {
    if (filter.kind === "requestHeaders") applyHeaderChange(headers, filter.change)
  }
  const keyed = headers.has("idempotency-key")
  if (!mayRepeat(retry, head.method, keyed)) {
    return { applies: false, because: `${head.method} may act twice, and the rule does not say "unsafe"` }
  }
  return { applies: true, because: keyed ? "it has an idempotency-key" : `${head.method} may be sent twice` }
}
