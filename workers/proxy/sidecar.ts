/**
 * A binding of the mesh as its caller sees it: `env.ORDERS.getOrder(7)`, `env.ORDERS.users.get(1)`, `await env.ORDERS.version`.
 * The runtime looks a name up on the entrypoint and then along its prototypes, so that a `Proxy` at their end can stand for a
 * service whose methods nobody listed. There is one for all requests: one for each costs a hop 5 us, most of them for names that
 * the runtime itself asks for (docs/decisions/0013-cost-of-a-hop.md).
 */
import type { Operation } from "./rpc.ts"

/** Does an operation on a property path of the service. */
export type Perform = (path: readonly string[], operation: Operation) => Promise<unknown>

/**
 * Names the runtime itself asks an entrypoint for, each request anew. They are undefined, or it would take the entrypoint for
 * something else, and the class itself says so, which is quicker than to ask the `Proxy`.
 */
const RUNTIME_NAMES = [
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
]

/** Has instances of a class answer their own names by themselves and hand every other name to `perform`. */
export function forwardUnknown<T extends object>(
  { prototype }: { readonly prototype: T },
  perform: (entrypoint: T, ...what: Parameters<Perform>) => Promise<unknown>,
): void {
  for (const name of RUNTIME_NAMES) Object.defineProperty(prototype, name, { value: undefined })
  const others = new Proxy(Object.getPrototypeOf(prototype) as object, {
    get(target, name, entrypoint: T) {
      if (typeof name === "symbol" || name in target) return Reflect.get(target, name, entrypoint)
      return property([name], (path, operation) => perform(entrypoint, path, operation))
    },
  })
  Object.setPrototypeOf(prototype, others)
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
