/**
 * The life of one RPC call through the mesh: the stages of `pipeline.ts`, without what only HTTP has. RPC has no headers, so
 * a caller that wants its trace continued says so in the open: when the last argument is a plain object with an own
 * `traceparent` string, the callee gets a copy of it with the mesh's span as its parent.
 */
import { type Entrance, endpointsOf, identify } from "#shared/exchange/decide.ts"
import { NO_CLAIMS } from "#shared/identity/client-address.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { isRefusal, type Refusal, refuse } from "#shared/model/refusal.ts"
import type { Endpoint } from "#shared/model/service.ts"
import { priorityOf } from "#shared/model/upstream-policy.ts"
import { HEADER } from "#shared/protocol/headers.ts"
import type { RequestHead } from "#shared/routing/head.ts"
import { formatTraceparent } from "#shared/telemetry/trace-context.ts"
import {
  authenticateCallAtDoor,
  authenticateCallAtServices,
  type CallContext,
  type Carrying,
} from "./authenticate-rpc.ts"
import { authorizeCall } from "./authorize.ts"
import { begin, type Carried, choose, divide, type Exchange, settleRoutes, toldRevision } from "./exchange.ts"
import { injectFault } from "./filter.ts"
import { limit } from "./limit.ts"
import type { Mesh } from "./mesh.ts"
import { record } from "./record.ts"
import { WeftRefusal } from "./respond.ts"
import { call, type RpcAnswer, type Stub, type Within } from "./rpc-attempts.ts"

/** What a caller does with a binding's property: calls it with arguments, or reads it. */
export type Operation = { readonly kind: "call"; readonly args: unknown[] } | { readonly kind: "read" }

/**
 * Performs an operation on `path` (`["getOrder"]`, or `["users", "get"]` for a method of a property) of the service that the
 * caller addresses. What the callee returns or throws is returned or thrown: only a `WeftRefusal` is the mesh's own.
 */
export async function perform(
  path: readonly string[],
  operation: Operation,
  entrance: Entrance,
  mesh: Mesh,
): Promise<unknown> {
  const context = operation.kind === "call" ? contextOf(operation.args) : undefined
  const carried = carriedBy(context)
  const exchange = begin(entrance, carried, mesh)
  const method = path.join(".")
  const decided = await decide(exchange, carried, method, context, mesh)
  const answer = isRefusal(decided)
    ? ({ kind: "refusal", refusal: decided } as const)
    : await call(
        exchange,
        decided.endpoints,
        method,
        (stub, within) => operate(stub, path, continued(operation, decided.context, exchange, within)),
        isReplayable(operation),
        mesh,
      )
  record(exchange, "rpc", { method }, recorded(answer), mesh)
  switch (answer.kind) {
    case "value":
      return answer.value
    case "error":
      throw answer.error
    case "refusal":
      throw new WeftRefusal(answer.refusal)
  }
}

function recorded(answer: RpcAnswer): { readonly status: number } | Refusal {
  if (answer.kind === "refusal") return answer.refusal
  return { status: answer.kind === "value" ? 200 : 500 }
}

/** With what the callee is to see of the caller's context. */
interface Decided extends Carrying {
  readonly endpoints: readonly Endpoint[]
}

async function decide(
  exchange: Exchange,
  carried: Carried,
  method: string,
  received: Context | undefined,
  mesh: Mesh,
): Promise<Decided | Refusal> {
  if (exchange.hops > LIMITS.hopsMax) return refuse("loop_detected")
  const current = mesh.routes
  const isEnough = current !== undefined && carried.floor <= current.revision
  const newest = isEnough ? current : await settleRoutes(exchange, carried, mesh)
  if (!newest) return refuse("no_snapshot")
  const routes = newest.candidate ? divide(exchange, newest, newest.candidate, mesh) : newest
  exchange.routes = routes

  const entry = identify(exchange.entrance, routes.services, NO_ADDRESS)
  if (isRefusal(entry)) return entry

  const known = routes.authentications
    ? await authenticateCallAtDoor(exchange, entry, received, mesh)
    : { context: received }
  if (isRefusal(known)) return known

  const first = headOf(exchange, method, mesh.roll())
  const refused = choose(exchange, routes, entry, first, mesh.roll())
  mesh.telemetry.tracer?.decide(exchange, false, mesh)
  if (refused) return refused

  const carrying = routes.authentications ? await authenticateCallAtServices(exchange, known, mesh) : known
  if (isRefusal(carrying)) return carrying
  const head = routes.authentications ? headOf(exchange, method, first.dice) : first

  const limits = exchange.matched?.rule.rateLimits
  const limited = limits && (await limit(exchange, limits, head, mesh))
  if (limited) return limited

  const fault = exchange.filters && (await injectFault(exchange, exchange.filters, mesh))
  const endpoints = fault ?? endpointsOf(routes.services, exchange.backend)
  if (isRefusal(endpoints)) return endpoints

  const barred = routes.access && (await authorizeCall(exchange, exchange.backend!.service, method, mesh))
  return barred ?? { endpoints, ...carrying }
}

/** The whole of a property path is looked up in one expression: a binding's methods must be called on the binding. */
function operate(stub: Stub, path: readonly string[], operation: Operation): Promise<unknown> {
  let holder = stub
  for (const name of path.slice(0, -1)) holder = holder[name] as Stub
  const last = path[path.length - 1] as string
  return operation.kind === "call" ? holder[last]!(...operation.args) : (holder[last] as unknown as Promise<unknown>)
}

/** A stream can be read once only, whoever reads it. */
function isReplayable(operation: Operation): boolean {
  if (operation.kind === "read") return true
  const once = (arg: unknown) =>
    arg instanceof ReadableStream || arg instanceof WritableStream || arg instanceof Request || arg instanceof Response
  return !operation.args.some(once)
}

function headOf({ entrance, principals, startedAtMs: nowMs }: Exchange, rpc: string, dice: number): RequestHead {
  const caller = entrance.at === "service" ? entrance.peer.from : undefined
  return { method: "", path: "", rawQuery: "", host: "", headers: NO_HEADERS, caller, nowMs, rpc, dice, principals }
}

const NO_ADDRESS = { host: "", port: 0, scheme: "https" } as const
const NO_HEADERS = new Headers()

interface Context {
  readonly traceparent: string
  readonly [HEADER.hops]?: unknown
  readonly [HEADER.deadlineMs]?: unknown
  readonly [HEADER.attempt]?: unknown
  readonly [HEADER.priority]?: unknown
  readonly [HEADER.revision]?: unknown
}

/** The caller's explicit context, when the call has one. */
function contextOf(args: readonly unknown[]): Context | undefined {
  const last = args[args.length - 1]
  if (typeof last !== "object" || last === null || Object.getPrototypeOf(last) !== Object.prototype) return undefined
  return Object.hasOwn(last, "traceparent") && typeof (last as Context).traceparent === "string"
    ? (last as Context)
    : undefined
}

function carriedBy(context: Context | undefined): Carried {
  const remainingMs = context?.[HEADER.deadlineMs]
  return {
    traceparent: context?.traceparent ?? null,
    hops: wholeOf(context?.[HEADER.hops]) ?? 0,
    remainingMs: wholeOf(remainingMs),
    nested: context?.[HEADER.attempt] !== undefined,
    priority: priorityOf(context?.[HEADER.priority]),
    floor: wholeOf(context?.[HEADER.revision]) ?? 0,
    consistency: undefined,
    from: NO_CLAIMS,
  }
}

function wholeOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : undefined
}

/** The operation with the context that the callee is to see. */
function continued(
  operation: Operation,
  context: CallContext | undefined,
  exchange: Exchange,
  within: Within,
): Operation {
  if (!context || operation.kind === "read") return operation
  const { trace, hops } = exchange
  const revision = toldRevision(exchange)
  const next = {
    ...context,
    traceparent: formatTraceparent(within.spanId === undefined ? trace : { ...trace, spanId: within.spanId }),
    [HEADER.hops]: hops,
    ...(within.limitMs !== Number.POSITIVE_INFINITY && {
      [HEADER.deadlineMs]: Math.max(1, Math.floor(within.limitMs)),
    }),
    [HEADER.priority]: exchange.priority,
    ...(revision !== undefined && { [HEADER.revision]: revision }),
    ...(within.repeated && { [HEADER.attempt]: exchange.attempts }),
  }
  return { kind: "call", args: [...operation.args.slice(0, -1), next] }
}
