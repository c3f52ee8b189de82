/**
 * A binding of the mesh as its caller sees it: `env.ORDERS.getOrder(7)`, `env.ORDERS.users.get(1)`, `await env.ORDERS.version`.
 * The runtime looks names up on what an entrypoint's constructor returns, so that a `Proxy` can stand for a service
 * whose methods nobody listed.
 */
import type { Operation } from "./rpc.ts"

/** Does an operation on a property path of the service. */
export type Perform = (path: readonly string[], operation: Operation) => Promise<unknown>

/** Names the runtime itself asks an entrypoint for; they must stay undefined, or it takes the entrypoint for something else. */
const RUNTIME_NAMES = new Set([
  "alarm",
  "connect",
  "email",
  "queue",
  "scheduled",
  "self",
  "tail",
  "tailStream",
  "test",
  "then",
  "trace",
  "webSocketClose",
  "webSocketError",
  "webSocketMessage",
])

/** An entrypoint that answers its own names by itself and hands every other name to `perform`. */
export function forwardUnknown<T extends object>(entrypoint: T, perform: Perform): T {
  return new Proxy(entrypoint, {
    get(target, name) {
      if (typeof name === "symbol" || name in target) return Reflect.get(target, name, target)
      return RUNTIME_NAMES.has(name) ? undefined : property([name], perform)
    },
  })
}

/** A property of the service: a function to call it, awaitable to read it, with properties of its own to go further down. */
function property(path: readonly string[], perform: Perform): unknown {
  const call = (...args: unknown[]) => perform(path, { kind: "call", args })
  const nested = (name: string) => property([...path, name], perform)
  return new Proxy(call, {
    get(target, name) {
      if (typeof name === "symbol") return Reflect.get(target, name)
      if (name !== "then") return nested(name)
      return (onValue: (value: unknown) => unknown, onError: (error: unknown) => unknown) =>
        perform(path, { kind: "read" }).then(onValue, onError)
    },
    // The runtime goes down a path only by own properties.
    getOwnPropertyDescriptor(target, name) {
      if (typeof name === "symbol" || name in target) return Reflect.getOwnPropertyDescriptor(target, name)
      return { configurable: true, enumerable: true, writable: false, value: nested(name) }
    },
  })
}
