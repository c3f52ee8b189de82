/**
 * The life of one RPC call through the mesh: the stages of `pipeline.ts`, without what only HTTP has. RPC has no headers, so
 * a caller that wants its trace continued says so in the open: when the last argument is a plain object with an own
 * `traceparent` string, the callee gets a copy of it with the mesh's span as its parent.
 */
import { pick } from "#shared/balancing/random.ts"
import { type Entrance, endpointsOf, identify } from "#shared/exchange/decide.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { isRefusal, type Refusal, refuse } from "#shared/model/refusal.ts"
import { HEADER } from "#shared/protocol/headers.ts"
import type { RequestHead } from "#shared/routing/head.ts"
import { formatTraceparent } from "#shared/telemetry/trace-context.ts"
import { begin, choose, type Exchange } from "./exchange.ts"
import { injectFault } from "./filter.ts"
import type { Mesh } from "./mesh.ts"
import { finish } from "./record.ts"
import { WeftRefusal } from "./respond.ts"

/** What a caller does with a binding's property: calls it with arguments, or reads it. */
export type Operation = { readonly kind: "call"; readonly args: unknown[] } | { readonly kind: "read" }

/** A stub of a service: every name is there, callable and awaitable, with names of its own. */
interface Stub {
  (...args: unknown[]): Promise<unknown>
  [name: string]: Stub
}

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
  const exchange = begin(entrance, { traceparent: context?.traceparent ?? null, hops: hopsOf(context) }, mesh)
  const method = path.join(".")
  let status = 500
  const record = (answer: { readonly status: number } | Refusal) =>
    mesh.record(finish(exchange, "rpc", method, answer, mesh.nowMs()))

  const decided = await decide(exchange, method, mesh)
  if ("refusal" in decided) {
    record(decided)
    throw new WeftRefusal(decided)
  }
  try {
    const result = await withinTime(exchange, operate(decided.stub, path, continued(operation, context, exchange)))
    status = 200
    return result
  } finally {
    record({ status })
  }
}

/** The stub stands in an object of its own: every name is "in" a stub, also `refusal` and `then`. */
async function decide(exchange: Exchange, method: string, mesh: Mesh): Promise<{ readonly stub: Stub } | Refusal> {
  if (exchange.hops > LIMITS.hopsMax) return refuse("loop_detected")
  const routes = mesh.routes ?? (await mesh.settledRoutes())
  if (!routes) return refuse("no_snapshot")
  exchange.routes = routes

  const entry = identify(exchange.entrance, routes.services, NO_ADDRESS)
  if (isRefusal(entry)) return entry

  const refused = choose(exchange, routes, entry, headOf(exchange, method, mesh.roll()), mesh.roll())
  if (refused) return refused

  const fault = await injectFault(exchange, mesh)
  if (fault) return fault

  const endpoints = endpointsOf(routes.services, exchange.backend)
  if (isRefusal(endpoints)) return endpoints

  const callable = endpoints.filter((endpoint) => endpoint.kind !== "url")
  const endpoint = pick(callable, [], mesh.roll())
  const destination = endpoint && mesh.destination(endpoint)
  if (!destination) return refuse("no_healthy_endpoint", "the service has no binding that takes RPC")
  exchange.attempts = 1
  return { stub: destination as unknown as Stub }
}

/** The whole of a property path is looked up in one expression: a binding's methods must be called on the binding. */
function operate(stub: Stub, path: readonly string[], operation: Operation): Promise<unknown> {
  let holder = stub
  for (const name of path.slice(0, -1)) holder = holder[name] as Stub
  const last = path[path.length - 1] as string
  return operation.kind === "call" ? holder[last]!(...operation.args) : (holder[last] as unknown as Promise<unknown>)
}

/** RPC cannot be cancelled: past the time the caller is told, and the callee goes on to its end unheard. */
async function withinTime(exchange: Exchange, result: Promise<unknown>): Promise<unknown> {
  const timeouts = exchange.matched?.rule.timeouts
  const limitMs = Math.min(
    timeouts?.requestMs ?? Number.POSITIVE_INFINITY,
    timeouts?.attemptMs ?? Number.POSITIVE_INFINITY,
  )
  if (limitMs === Number.POSITIVE_INFINITY) return result
  let timer: ReturnType<typeof setTimeout> | null = null
  const expired = new Promise<never>((_resolve, reject) => {
    const refusal = limitMs === timeouts?.requestMs ? "deadline_exceeded" : "upstream_timeout"
    timer = setTimeout(() => reject(new WeftRefusal(refuse(refusal))), limitMs)
  })
  try {
    return await Promise.race([result, expired])
  } finally {
    clearTimeout(timer)
  }
}

function headOf({ entrance }: Exchange, method: string, dice: number): RequestHead {
  const caller = entrance.at === "service" ? entrance.peer.from : undefined
  return { method: "", path: "", rawQuery: "", host: "", headers: NO_HEADERS, caller, rpc: method, dice }
}

const NO_ADDRESS = { host: "", port: 0, scheme: "https" } as const
const NO_HEADERS = new Headers()

interface Context {
  readonly traceparent: string
  readonly [HEADER.hops]?: unknown
}

/** The caller's explicit context, when the call has one. */
function contextOf(args: readonly unknown[]): Context | undefined {
  const last = args[args.length - 1]
  if (typeof last !== "object" || last === null || Object.getPrototypeOf(last) !== Object.prototype) return undefined
  return Object.hasOwn(last, "traceparent") && typeof (last as Context).traceparent === "string"
    ? (last as Context)
    : undefined
}

function hopsOf(context: Context | undefined): number {
  const hops = context?.[HEADER.hops]
  return typeof hops === "number" && Number.isInteger(hops) && hops >= 0 ? hops : 0
}

/** The operation with the context that the callee is to see. */
function continued(operation: Operation, context: Context | undefined, { trace, hops }: Exchange): Operation {
  if (!context || operation.kind === "read") return operation
  const next = { ...context, traceparent: formatTraceparent(trace), [HEADER.hops]: hops }
  return { kind: "call", args: [...operation.args.slice(0, -1), next] }
}
