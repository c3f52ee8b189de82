/** A service with all that RPC can carry. */
import { RpcTarget, WorkerEntrypoint } from "cloudflare:workers"

class Cart extends RpcTarget {
  #sum = 0

  add(amount: number): Cart {
    this.#sum += amount
    return this
  }

  sum(): number {
    return this.#sum
  }
}

class Users extends RpcTarget {
  get(id: number): string {
    return `user ${id}`
  }
}

class OutOfStock extends RangeError {
  readonly code = "OUT_OF_STOCK"
}

/** Whether `ping` returns. */
const wellness = { well: true }

/** Calls so far, by the test's own key. */
const calls = new Map<string, number>()
const finished: string[] = []
/** Calls that go on until the test lets them go, by its own key. */
const held = new Set<string>()

export default class Callee extends WorkerEntrypoint {
  get version(): string {
    return "7"
  }

  get users(): Users {
    return new Users()
  }

  add(a: number, b: number): number {
    return a + b
  }

  async ping(): Promise<void> {
    if (!wellness.well) throw new Error("not well")
  }

  /** Throws `error` the first `times` times; then says how often it was called, and with which context. */
  flaky(key: string, times: number, error: object, context?: unknown): unknown {
    const call = (calls.get(key) ?? 0) + 1
    calls.set(key, call)
    if (call <= times) throw Object.assign(new Error(`failure ${call}`), error)
    return { call, name: (this.env as { NAME?: string }).NAME ?? "callee", context: context ?? null }
  }

  /** The same, for a rule of its own. */
  flakyOnce(key: string, error: object): unknown {
    return this.flaky(key, 1, error)
  }

  /** Takes long the first time, and says which call it was. */
  async slowFirst(key: string, ms: number): Promise<number> {
    const call = (calls.get(key) ?? 0) + 1
    calls.set(key, call)
    if (call === 1) await new Promise((resolve) => setTimeout(resolve, ms))
    return call
  }

  async note(key: string, ms: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, ms))
    finished.push(key)
  }

  /** Takes as long as the test wants: `GET /held` tells which do, `PUT /let-go/<key>` ends one. */
  async hold(key: string): Promise<void> {
    held.add(key)
    while (held.has(key)) await new Promise((resolve) => setTimeout(resolve, 10))
  }

  noted(): string[] {
    return finished.splice(0)
  }

  fail(): never {
    throw new OutOfStock("no scarves left")
  }

  cart(): Cart {
    return new Cart()
  }

  /** Calls back while the caller waits. */
  async twice(callback: (value: number) => Promise<number>): Promise<number> {
    return (await callback(1)) + (await callback(2))
  }

  multiplier(factor: number): (value: number) => number {
    return (value) => value * factor
  }

  lines(): ReadableStream {
    return new Response("one\ntwo\n").body as ReadableStream
  }

  async length(stream: ReadableStream): Promise<number> {
    return (await new Response(stream).text()).length
  }

  answer(): Response {
    return new Response("made by RPC", { status: 201, headers: { "x-kind": "rpc" } })
  }

  context(_first: unknown, context?: unknown): unknown {
    return context ?? null
  }

  arguments(...args: unknown[]): number {
    return args.length
  }

  async slow(ms: number): Promise<string> {
    await new Promise((resolve) => setTimeout(resolve, ms))
    return "done"
  }

  override fetch(request: Request): Response {
    const { pathname } = new URL(request.url)
    if (pathname === "/well") wellness.well = request.method === "PUT"
    if (pathname === "/held") return Response.json([...held])
    if (pathname.startsWith("/let-go/")) held.delete(pathname.slice("/let-go/".length))
    return new Response(`fetched ${pathname}`)
  }
}
