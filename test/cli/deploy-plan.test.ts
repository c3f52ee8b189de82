import { describe, expect, it } from "vitest"
import { type Deployable, deployable, orderOf, stubSource, stubsFor } from "#cli/deploy-plan.ts"
import type { WranglerConfig } from "#cli/wrangler-config.ts"

/** `worker("cart", "weft#Sidecar", "db")`: a Worker with what it binds. */
function worker(name: string, ...binds: string[]): Deployable {
  const services = binds.map((bind, index) => {
    const [service, entrypoint] = bind.split("#")
    return { binding: `B${index}`, service: service!, ...(entrypoint ? { entrypoint } : {}) }
  })
  return deployable({ path: `/${name}`, shown: name, format: "toml", raw: { name, services } } as WranglerConfig)
}

const names = (order: readonly Deployable[]) => order.map(({ name }) => name).join(" ")
const stubs = (order: readonly Deployable[]) =>
  stubsFor(order).map(({ name, entrypoints }) => [name, ...entrypoints].join(" "))

describe("the order of deploys", () => {
  it.each([
    ["control before the proxy", [], "control proxy"],
    [
      "services between them, those that are bound first",
      [worker("a", "b"), worker("b", "c"), worker("c")],
      "control c b a proxy",
    ],
    ["a circle of services in some order", [worker("a", "b"), worker("b", "a")], "control b a proxy"],
  ])("%s", (_, services, expected) => {
    expect(names(orderOf(worker("control"), services, worker("proxy")))).toBe(expected)
  })
})

describe("stubs", () => {
  it.each([
    ["none when all that is bound comes before", [worker("a")], worker("proxy", "a", "control"), []],
    [
      "the proxy, when services bind it, with its entrypoint",
      [worker("a", "proxy#Sidecar")],
      worker("proxy", "a"),
      ["proxy Sidecar"],
    ],
    [
      "a service that is deployed elsewhere, with all its bound entrypoints",
      [worker("a", "x#One")],
      worker("proxy", "a", "x#Two", "x"),
      ["x One Two"],
    ],
    ["both ends of a circle are not needed", [worker("a", "b"), worker("b", "a#Api")], worker("proxy"), ["a Api"]],
    ["not a Worker that binds itself", [worker("a", "a#Api")], worker("proxy", "a"), []],
  ])("%s", (_, services, proxy, expected) => {
    expect(stubs(orderOf(worker("control"), services, proxy))).toEqual(expected)
  })

  it("stand for the proxy while control is deployed, which binds it as services do", () => {
    const control = worker("control", "proxy#Prober")
    const order = orderOf(control, [worker("a", "proxy#Sidecar")], worker("proxy", "a"))
    expect(names(order)).toBe("control a proxy")
    expect(stubs(order)).toEqual(["proxy Prober Sidecar"])
  })

  it("export what is bound of them", () => {
    const source = stubSource({ name: "weft", entrypoints: ["Sidecar", "Api"] })
    expect(source).toContain("export class Sidecar extends WorkerEntrypoint {")
    expect(source).toContain("export class Api extends WorkerEntrypoint {")
    expect(source).toContain("export default { fetch: answer }")
  })
})
