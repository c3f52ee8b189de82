import { describe, expect, it } from "vitest"
import { type MeshContent, trespasses } from "#shared/config/bounds.ts"
import { compile } from "#shared/config/compile.ts"

const to = (service: string) => [{ backends: [{ service }] }]
const EMPTY: MeshContent = { resources: [], snapshot: { format: 1, services: [], gateways: [], routes: [] } }

/** The mesh that the documents make of another one. */
function mesh(before: MeshContent, ...contents: object[]): MeshContent {
  const documents = contents.map((content) => ({ source: "mesh.yaml", content }))
  const compiled = compile(before.resources, { documents, prune: false, revision: 1 })
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems))
  return compiled
}

const OTHERS = mesh(EMPTY, {
  namespace: "team-b",
  services: { pay: {} },
  routes: { pay: { hosts: ["pay.example", "*.shop.example"], rules: to("pay") } },
})

const rulesOf = (content: object, namespaces = ["team-a"], before = OTHERS) =>
  trespasses(before, mesh(before, content), namespaces).map(({ rule }) => rule)

describe("what reaches beyond a namespace", () => {
  it.each<[string, object, string[]]>([
    ["a service of its own", { services: { cart: { subsets: { v2: {} } } } }, []],
    ["a binding of its own by name", { services: { cart: { binding: "TEAM_A__OTHER" } } }, []],
    ["a URL", { services: { cart: { url: "https://api.example" } } }, []],
    ["another namespace's binding", { services: { cart: { binding: "TEAM_B__PAY" } } }, ["binding-not-allowed"]],
    ["a binding of the default namespace", { services: { cart: { binding: "CART" } } }, ["binding-not-allowed"]],
    [
      "a binding with more than its prefix",
      { services: { cart: { binding: "TEAM_A__B__C" } } },
      ["binding-not-allowed"],
    ],
    [
      "bindings of endpoints and subsets, each once",
      {
        services: {
          cart: {
            endpoints: [{ binding: "X" }, { url: "https://a.example" }],
            subsets: { v2: { binding: "X" }, v3: { binding: "Y" } },
          },
        },
      },
      ["binding-not-allowed", "binding-not-allowed"],
    ],
    [
      "a dispatch namespace of others",
      { services: { cart: { binding: "TENANTS", worker: "w" } } },
      ["binding-not-allowed"],
    ],
    ["an alias of its own", { services: { cart: { aliases: ["team-a/kart:80"] } } }, []],
    [
      "an alias of another's",
      { services: { cart: { subsets: { v2: { aliases: ["shop/cart"] } } } } },
      ["alias-not-allowed"],
    ],
    ["a free hostname", { services: { cart: {} }, routes: { r: { hosts: ["shop.example"], rules: to("cart") } } }, []],
    [
      "a taken one",
      { services: { cart: {} }, routes: { r: { hosts: ["pay.example"], rules: to("cart") } } },
      ["hostname-taken"],
    ],
    [
      "one below a wildcard",
      { services: { cart: {} }, routes: { r: { hosts: ["a.b.shop.example"], rules: to("cart") } } },
      ["hostname-taken"],
    ],
    [
      "the same wildcard",
      { services: { cart: {} }, routes: { r: { hosts: ["*.shop.example"], rules: to("cart") } } },
      ["hostname-taken"],
    ],
    [
      "a narrower wildcard",
      { services: { cart: {} }, routes: { r: { hosts: ["*.b.shop.example"], rules: to("cart") } } },
      ["hostname-taken"],
    ],
    [
      "a wider wildcard",
      { services: { cart: {} }, routes: { r: { hosts: ["*.example"], rules: to("cart") } } },
      ["hostname-taken"],
    ],
    ["any host", { services: { cart: {} }, routes: { r: { hosts: ["*"], rules: to("cart") } } }, ["hostname-taken"]],
    [
      "a neighbouring wildcard",
      { services: { cart: {} }, routes: { r: { hosts: ["*.shop.example.org"], rules: to("cart") } } },
      [],
    ],
    ["calls to another's service", { routes: { r: { service: "team-b/pay", rules: to("team-b/pay") } } }, []],
    [
      "an authentication of its own",
      { services: { cart: {} }, authentication: { all: { services: ["cart"], keys: {} } } },
      [],
    ],
  ])("%s", (_, content, rules) => {
    expect(rulesOf({ namespace: "team-a", ...content })).toEqual(rules)
  })

  it("a gateway of one's own has hostnames of its own", () => {
    const gateways = { web: { listeners: [{ name: "http", port: 80 }] } }
    const routes = { r: { hosts: ["pay.example"], gateways: ["web"], rules: to("cart") } }
    expect(rulesOf({ namespace: "team-a", services: { cart: {} }, gateways, routes })).toEqual([])
  })

  it("in the default namespace: what has two underscores in it, and what covers the whole mesh", () => {
    const content = {
      services: { "team-z--pay": {}, orders: {} },
      authentication: { all: { mesh: true, keys: {} }, door: { gateways: ["default"], keys: {} } },
    }
    expect(rulesOf(content, ["default"])).toEqual(["target-not-allowed", "target-not-allowed", "binding-not-allowed"])
  })

  it("a namespace whose name begins like another's does not get its bindings", () => {
    expect(rulesOf({ namespace: "team", services: { x: { binding: "TEAM__A__PAY" } } }, ["team"])).toEqual([
      "binding-not-allowed",
    ])
  })

  it("labels of namespaces, by which gateways choose whom they serve", () => {
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "x", labels: { a: "b" } } }
    expect(rulesOf(namespace, ["default"])).toEqual(["kind-not-allowed"])
  })

  it("is granted when it was there before, and only there", () => {
    const granted = mesh(OTHERS, {
      namespace: "team-a",
      services: { cart: { binding: "CART" }, shelf: {} },
      routes: { r: { hosts: ["pay.example"], rules: to("cart") } },
    })
    const policy = { namespace: "team-a", services: { cart: { binding: "CART", subsets: { v2: {} } } } }
    expect(rulesOf(policy, ["team-a"], granted)).toEqual([])
    const moved = { namespace: "team-a", services: { shelf: { binding: "CART" } } }
    expect(rulesOf(moved, ["team-a"], granted)).toEqual(["binding-not-allowed"])
  })

  it("is nobody's fault who changes something else", () => {
    const before = mesh(OTHERS, { namespace: "team-c", services: { x: { binding: "TEAM_B__PAY" } } })
    expect(rulesOf({ namespace: "team-a", services: { cart: {} } }, ["team-a"], before)).toEqual([])
  })
})
