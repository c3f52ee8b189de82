import { describe, expect, it } from "vitest"
import { type Candidate, checkWorkers } from "#cli/local/check.ts"

function worker(name: string, options: Candidate["options"] = {}, exported: string[] = ["default"]): Candidate {
  return { name, configPath: `/projects/${name}/wrangler.toml`, exports: exported, options }
}

const rules = (...workers: Candidate[]) => checkWorkers(workers).map(({ rule }) => rule)

describe("checkWorkers", () => {
  it("finds nothing wrong with Workers that bind one another in a circle", () => {
    const a = worker("a", { serviceBindings: { B: { name: "b", entrypoint: "Rpc" } } })
    const b = worker("b", { serviceBindings: { A: "a" } }, ["default", "Rpc"])
    expect(checkWorkers([a, b])).toEqual([])
  })

  it.each<[string, Candidate["options"], string]>([
    ["a service that is not there", { serviceBindings: { X: { name: "x" } } }, "worker-missing"],
    [
      "an entrypoint that is not exported",
      { serviceBindings: { B: { name: "b", entrypoint: "Nope" } } },
      "export-missing",
    ],
    [
      "an object of a Worker that is not there",
      { durableObjects: { O: { className: "O", scriptName: "x" } } },
      "worker-missing",
    ],
    ["an object of its own that is not exported", { durableObjects: { O: { className: "O" } } }, "export-missing"],
    [
      "an object of another that is not exported",
      { durableObjects: { O: { className: "O", scriptName: "b" } } },
      "export-missing",
    ],
  ])("names %s", (_, options, rule) => {
    expect(rules(worker("a", options), worker("b"))).toEqual([rule])
  })

  it("finds a binding to the mesh that forgot its entrypoint", () => {
    const proxy = worker("weft", {}, ["default", "Gateway", "Sidecar"])
    const binding = (more: object) => worker("a", { serviceBindings: { ORDERS: { name: "weft", ...more } } as never })
    expect(rules(binding({ props: { from: "a", to: "orders" } }), proxy)).toEqual(["entrypoint-missing"])
    expect(rules(binding({ entrypoint: "Sidecar", props: { from: "a", to: "orders" } }), proxy)).toEqual([])
    expect(rules(binding({}), proxy)).toEqual([])
  })

  it("lets nobody but control bind what makes health checks", () => {
    const proxy = worker("weft", {}, ["default", "Gateway", "Sidecar", "Prober"])
    const options = { serviceBindings: { PROXY: { name: "weft", entrypoint: "Prober", props: { role: "health" } } } }
    expect(rules(worker("a", options), proxy)).toEqual(["not-control"])
    expect(rules(worker("weft-control", options, ["default", "HealthObject"]), proxy)).toEqual([])
  })

  it("says which binding of which file is wrong and what there is instead", () => {
    const [problem] = checkWorkers([worker("a", { serviceBindings: { X: { name: "x" } } }), worker("b")])
    expect(problem).toMatchObject({
      path: "/projects/a/wrangler.toml: services.X",
      message: expect.stringContaining('"x"'),
      hint: expect.stringContaining("a, b"),
    })
  })

  it("names two projects of one name once, and blames no binding for it", () => {
    const first = worker("b", {}, ["default", "Rpc"])
    const second = { ...worker("b"), configPath: "/projects/other/wrangler.toml" }
    const caller = worker("a", { serviceBindings: { B: { name: "b", entrypoint: "Rpc" } } })
    expect(rules(caller, first, second)).toEqual(["name-taken"])
    expect(rules(first, first)).toEqual(["project-repeated"])
  })

  it("lets services pass that are no Workers, and Workers whose exports nobody knows", () => {
    const options = { serviceBindings: { NODE: () => {}, DISK: { disk: "/tmp" }, B: { name: "b", entrypoint: "E" } } }
    expect(rules(worker("a", options), worker("b", {}, []))).toEqual([])
  })
})
