/**
 * In which order Workers are deployed. The platform refuses a binding to a Worker that does not exist yet, and a mesh is
 * full of circles (a service binds the proxy, the proxy binds the service), so whatever an order leaves unmet on a first
 * deploy is met by a stub: an empty Worker of that name with the entrypoints that are bound.
 */
import type { WranglerConfig } from "./wrangler-config.ts"

export interface Deployable {
  readonly name: string
  readonly config: WranglerConfig
  /** The Workers that it binds, with the named entrypoints that it binds of them. */
  readonly binds: ReadonlyMap<string, ReadonlySet<string>>
}

export interface Stub {
  readonly name: string
  readonly entrypoints: readonly string[]
}

export function deployable(config: WranglerConfig): Deployable {
  const name = config.raw.name ?? ""
  const binds = new Map<string, Set<string>>()
  for (const { service, entrypoint } of config.raw.services ?? []) {
    if (service === name) continue
    const entrypoints = binds.get(service) ?? new Set()
    binds.set(service, entrypoint === undefined ? entrypoints : entrypoints.add(entrypoint))
  }
  return { name, config, binds }
}

/** Control first: it hosts the objects that the others bind, and objects cannot be stubbed. The proxy last: it binds everybody. */
export function orderOf(control: Deployable, services: readonly Deployable[], proxy: Deployable): Deployable[] {
  const order: Deployable[] = []
  const visit = (one: Deployable, path: readonly Deployable[]) => {
    if (order.includes(one) || path.includes(one)) return
    for (const name of one.binds.keys()) {
      const bound = services.find((service) => service.name === name)
      if (bound) visit(bound, [...path, one])
    }
    order.push(one)
  }
  for (const service of services) visit(service, [])
  return [control, ...order, proxy]
}

/** What is bound before it is deployed, or is not deployed here at all: needs a stub unless it exists. */
export function stubsFor(order: readonly Deployable[]): Stub[] {
  const entrypoints = new Map<string, Set<string>>()
  order.forEach((one, index) => {
    const done = order.slice(0, index).map(({ name }) => name)
    for (const name of one.binds.keys()) if (!done.includes(name)) entrypoints.set(name, new Set())
  })
  // All that anybody binds of it, not only those that come before it: a stub is uploaded once.
  for (const one of order)
    for (const [name, bound] of one.binds) for (const entrypoint of bound) entrypoints.get(name)?.add(entrypoint)
  return [...entrypoints].map(([name, bound]) => ({ name, entrypoints: [...bound].sort() })).sort(byName)
}

/** A Worker that answers 503 until its real self is deployed. */
export function stubSource(stub: Stub): string {
  const classes = stub.entrypoints.map(
    (name) => `export class ${name} extends WorkerEntrypoint {\n  fetch() {\n    return answer()\n  }\n}\n`,
  )
  return `import { WorkerEntrypoint } from "cloudflare:workers"

function answer() {
  return new Response("${stub.name} is a stub until it is deployed\\n", { status: 503, headers: { "retry-after": "30" } })
}

export default { fetch: answer }
${classes.join("\n")}`
}

function byName(a: Stub, b: Stub): number {
  return a.name < b.name ? -1 : 1
}
