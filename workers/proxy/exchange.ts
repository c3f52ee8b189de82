/** One request through the mesh with all that is decided about it on the way, and the stages that HTTP and RPC share. */
import { choose as chooseIn, type Entrance, hashKeyOf } from "#shared/exchange/decide.ts"
import type { AddressClaims } from "#shared/identity/client-address.ts"
import type { Principals } from "#shared/model/principal.ts"
import { isRefusal, type Refusal } from "#shared/model/refusal.ts"
import type { Backend, Filter } from "#shared/model/route.ts"
import type { Priority } from "#shared/model/upstream-policy.ts"
import { revisionToTell } from "#shared/propagation/consistency.ts"
import type { RequestHead } from "#shared/routing/head.ts"
import type { Entry, Matched } from "#shared/routing/table.ts"
import type { AccessRecord } from "#shared/telemetry/access-record.ts"
import type { Journal } from "#shared/telemetry/journal.ts"
import { enterTrace, type TraceContext } from "#shared/telemetry/trace-context.ts"
import type { AccessNotes } from "./access-notes.ts"
import type { Proof } from "./authenticate.ts"
import { divided } from "./candidates.ts"
import { type FilterPlan, planOf } from "./filter-plan.ts"
import type { LimitVerdict } from "./limiter.ts"
import type { Candidate, Mesh, Routes } from "./mesh.ts"

export interface Exchange {
  readonly entrance: Entrance
  readonly startedAtMs: number
  /** Whether it is recorded is decided with its rule. */
  trace: TraceContext
  /** Mesh hops of the request's chain, this one included. */
  readonly hops: number
  /** The request is an attempt of another hop, which retries by itself. */
  readonly nested: boolean
  /** When the caller, or the rule, gives up: infinity for never. */
  deadlineAtMs: number
  /** The revision that it is to be served by at least; 0 for any. */
  floor: number
  /** Who is asking, as far as it was established. */
  principals: Principals
  /** How that was established; undefined where nobody in the mesh has to prove anything. */
  proof: Proof | undefined
  /** The one set of routes that this exchange goes by, from its first stage to its last. */
  routes: Routes | undefined
  /** The rule that took the request; absent when the service has no routes and is simply called. */
  matched: Matched | undefined
  backend: Backend | undefined
  /** What the rule and the backend do to the request and to its answer; undefined when nothing. */
  filters: FilterPlan | undefined
  /** The request's own `origin`, where CORS asks for it. */
  origin: string | null
  /** What a hashing balancer goes by. */
  hashKey: string | null
  priority: Priority
  /** The cookie that begins a session with the backend. */
  setCookie: string | undefined
  attempts: number
  /** What the rule's rate limits said. */
  limited: LimitVerdict | undefined
  /** What access policies said; undefined where there is nothing to write down. */
  access: AccessNotes | undefined
  /** The retry budget kept the answer from being tried for again. */
  budgetExhausted: boolean
  /** What the caller got instead of the service's own answer, because its breaker was open. */
  fallback: AccessRecord["fallback"]
  /** What is written down on the way; undefined where nobody records it. */
  journal: Journal | undefined
}

/** What the caller's hop says of the chain that a request belongs to. */
export interface Carried {
  readonly traceparent: string | null
  readonly hops: number
  readonly remainingMs: number | undefined
  readonly nested: boolean
  readonly priority: Priority
  readonly floor: number
  readonly consistency: string | undefined
  readonly from: AddressClaims
}

export function begin(entrance: Entrance, carried: Carried, mesh: Mesh): Exchange {
  const startedAtMs = mesh.nowMs()
  return {
    entrance,
    startedAtMs,
    trace: enterTrace(carried.traceparent, mesh.randomHex),
    hops: carried.hops + 1,
    nested: carried.nested,
    deadlineAtMs: startedAtMs + (carried.remainingMs ?? Number.POSITIVE_INFINITY),
    floor: carried.floor,
    principals: {
      caller: entrance.at === "service" ? entrance.peer.from : undefined,
      user: undefined,
      key: undefined,
      address: carried.from.edge,
    },
    proof: undefined,
    routes: undefined,
    matched: undefined,
    backend: undefined,
    filters: undefined,
    origin: null,
    hashKey: null,
    priority: carried.priority,
    setCookie: undefined,
    attempts: 0,
    limited: undefined,
    access: undefined,
    budgetExhausted: false,
    fallback: undefined,
    journal: undefined,
  }
}

/** For an exchange that cannot go by the routes at hand: those that come in time. */
export async function settleRoutes(exchange: Exchange, carried: Carried, mesh: Mesh): Promise<Routes | undefined> {
  const routes = mesh.routes ?? (await mesh.settledRoutes(0))
  exchange.floor = carried.consistency === undefined ? carried.floor : await mesh.floorOf(carried.consistency)
  return routes && routes.revision < exchange.floor ? mesh.settledRoutes(exchange.floor) : routes
}

/** Under a guarded apply: which of two revisions the exchange goes by, from here to its end. */
export function divide(exchange: Exchange, stable: Routes, candidate: Candidate, mesh: Mesh): Routes {
  return divided(stable, candidate, exchange.floor, exchange.trace.traceId, mesh.nowMs())
}

/** What the next hop is told of the revision that this one goes by. */
export function toldRevision({ routes, floor, startedAtMs }: Exchange): number | undefined {
  return routes && revisionToTell(routes, floor, startedAtMs)
}

/** Stages `match` and `split`: the rule that takes the request, and its backend for this throw of the dice. */
export function choose(
  exchange: Exchange,
  routes: Routes,
  entry: Entry,
  head: RequestHead,
  dice: number,
): Refusal | undefined {
  const choice = chooseIn(routes.table, entry, head, exchange.trace.traceId, dice)
  if (isRefusal(choice)) return choice
  exchange.matched = choice.matched
  exchange.backend = choice.backend
  exchange.filters = planOf(choice.matched?.rule.filters ?? NONE, choice.backend?.filters ?? NONE)
  if (exchange.filters && exchange.filters.cors.length > 0) exchange.origin = head.headers.get("origin")
  exchange.setCookie = choice.setCookie
  exchange.hashKey = hashKeyOf(routes.services, choice.backend, head)
  exchange.priority = choice.matched?.rule.priority ?? exchange.priority
  const requestMs = choice.matched?.rule.timeouts.requestMs
  if (requestMs !== undefined) {
    exchange.deadlineAtMs = Math.min(exchange.deadlineAtMs, exchange.startedAtMs + requestMs)
  }
  return undefined
}

const NONE: readonly Filter[] = []
