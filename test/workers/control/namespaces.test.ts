import { reset } from "cloudflare:test"
import { beforeEach, describe, expect, it } from "vitest"
import type { BreakerStatus } from "#shared/protocol/breaker.ts"
import type {
  Applied,
  BreakerList,
  Plan,
  ResourceList,
  RevisionDetail,
  RevisionList,
  Status,
} from "#shared/protocol/control-api.ts"
import type { Explained } from "#shared/protocol/explain.ts"
import { MESH } from "#shared/protocol/route-table.ts"
import { TABLE } from "#workers/control/app.ts"
import { call, confirmed, controlEnv, documents, get, makeToken, problemOf } from "./support.ts"

const to = (service: string) => [{ backends: [{ service }] }]
const CART = { namespace: "team-a", services: { cart: {} } }
const MINE = { ...CART, routes: { cart: { service: "cart", rules: to("cart") } } }
const THEIRS = {
  namespace: "team-b",
  services: { pay: {}, ledger: {} },
  routes: { pay: { hosts: ["pay.example", "*.pay.example"], rules: to("pay") } },
}

let token: string
let reader: string

beforeEach(async () => {
  await reset()
  const body = { documents: [MINE, THEIRS].map((content) => ({ source: "mesh.yaml", content })), message: "Begin" }
  expect((await call("POST", "/v1/apply", { body })).status).toBe(200)
  token = await makeToken("ci-a", "operator", { namespaces: ["team-a"] })
  reader = await makeToken("eyes-a", "viewer", { namespaces: ["team-a"] })
})

const apply = (content: unknown, options: object = {}, as = token) =>
  call("POST", "/v1/apply", { token: as, body: documents(content, options) })
const headOf = async () => (await get<RevisionList>("/v1/revisions?limit=1")).revisions[0]!.revision
const keys = (list: readonly { kind: string; namespace: string; name: string }[]) =>
  list.map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`)

describe("a token of one namespace changes", () => {
  it("what is in it", async () => {
    const response = await apply({ ...CART, services: { cart: {}, shelf: {} } })
    expect(response.status).toBe(200)
    const applied = await response.json<Applied>()
    expect(keys(applied.changes)).toEqual(["Service team-a/shelf"])
    expect((await confirmed("DELETE", "/v1/resources/Service/team-a/shelf", { token })).status).toBe(200)
    expect(await get<RevisionDetail>("/v1/revisions/head")).toMatchObject({ author: "ci-a" })
  })

  it.each([["/v1/apply"], ["/v1/plan"]])("nothing else, and hears of all of it at once: %s", async (path) => {
    const contents = [
      { ...CART, services: { cart: {}, shelf: {} } },
      { namespace: "team-b", services: { pay: { binding: "EVIL" } }, routes: { new: { service: "pay", rules: [] } } },
      { services: { orders: {} } },
      { apiVersion: "v1", kind: "Namespace", metadata: { name: "team-a", labels: { shared: "yes" } } },
    ]
    const body = { documents: contents.map((content, index) => ({ source: `${index}.yaml`, content })) }
    const response = await call("POST", path, { token, body })
    expect(response.status).toBe(403)
    const { problems, detail } = await problemOf(response)
    expect(detail).toContain("team-a")
    expect(problems?.map(({ source, rule }) => [source?.file, rule])).toEqual([
      ["1.yaml", "namespace-not-allowed"],
      ["1.yaml", "namespace-not-allowed"],
      ["2.yaml", "namespace-not-allowed"],
      ["3.yaml", "namespace-not-allowed"],
    ])
    expect(await headOf()).toBe(1)
  })

  it("nothing else, not even in a document that declares nothing", async () => {
    const response = await apply({ namespace: "team-b", routes: {} })
    expect(response.status).toBe(403)
    expect((await problemOf(response)).problems).toMatchObject([{ path: "namespace", rule: "namespace-not-allowed" }])
  })

  it("nothing else, not even by saying what is there already", async () => {
    expect((await apply(THEIRS)).status).toBe(403)
  })

  it.each([
    ["/v1/resources/Service/team-b/ledger"],
    ["/v1/resources/Service/team-b/nothing"],
    ["/v1/resources/Service/default/nothing"],
  ])("nothing else by DELETE %s, and learns nothing of it", async (path) => {
    const response = await call("DELETE", path, { token })
    expect(response.status).toBe(403)
    expect(await headOf()).toBe(1)
  })

  it("only what is in it when pruning", async () => {
    const response = await apply(CART, { prune: true })
    expect(response.status).toBe(428)
    const { confirm } = await problemOf(response)
    expect(confirm?.removals).toEqual([{ kind: "Route", removed: 1, of: 1, names: ["team-a/cart"] }])
    const done = await confirmed("POST", "/v1/apply", { token, body: documents(CART, { prune: true }) })
    expect(keys((await done.json<Applied>()).changes)).toEqual(["Route team-a/cart"])
    const { resources } = await get<ResourceList>("/v1/resources?namespace=team-b")
    expect(keys(resources)).toEqual(["Route team-b/pay", "Service team-b/ledger", "Service team-b/pay"])
  })

  it("nothing by a rollback that would change more", async () => {
    const back = { token, body: { to: "previous" } }
    await apply({ ...CART, services: { cart: { binding: "TEAM_A__CART2" } } })
    expect((await call("POST", "/v1/rollback", back)).status).toBe(200)
    await call("POST", "/v1/apply", {
      body: documents({ namespace: "team-b", services: { ledger: { binding: "L" } } }),
    })
    const response = await call("POST", "/v1/rollback", back)
    expect(response.status).toBe(403)
    expect((await problemOf(response)).detail).toContain("1 resource elsewhere")
    expect(await headOf()).toBe(4)
  })

  it("no service of another namespace into a forced breaker", async () => {
    const force = (namespace: string, service: string) =>
      call("POST", "/v1/breakers", { token, body: { namespace, service, phase: "open", forSeconds: 60 } })
    expect((await force("team-b", "pay")).status).toBe(403)
    expect((await force("team-b", "nothing")).status).toBe(403)
    expect((await force("team-a", "cart")).status).toBe(200)
  })
})

describe("a token of one namespace does not reach beyond it", () => {
  it.each<[string, { services?: object; routes?: object }, string]>([
    ["by another namespace's binding", { services: { cart: { binding: "TEAM_B__PAY" } } }, "binding-not-allowed"],
    ["by a binding of nobody", { services: { cart: { subsets: { v2: { binding: "PAY" } } } } }, "binding-not-allowed"],
    ["by a Service's name", { services: { cart: { aliases: ["team-b/pay"] } } }, "alias-not-allowed"],
    ["by a taken hostname", { routes: { x: { hosts: ["pay.example"], rules: to("cart") } } }, "hostname-taken"],
    ["below a taken wildcard", { routes: { x: { hosts: ["a.pay.example"], rules: to("cart") } } }, "hostname-taken"],
    ["by a wider wildcard", { routes: { x: { hosts: ["*.example"], rules: to("cart") } } }, "hostname-taken"],
    ["by any host", { routes: { x: { hosts: ["*"], rules: to("cart") } } }, "hostname-taken"],
  ])("%s", async (_, content, rule) => {
    const response = await apply({ ...CART, ...content })
    expect(response.status).toBe(403)
    expect((await problemOf(response)).problems).toMatchObject([{ rule }])
    expect((await call("POST", "/v1/apply", { body: documents({ ...CART, ...content }) })).status).toBe(200)
    // What somebody of the whole mesh has granted stays granted.
    expect((await apply({ ...CART, ...content, services: { cart: {}, ...content.services, shelf: {} } })).status).toBe(
      200,
    )
  })

  it("and may have hostnames that nobody has", async () => {
    const content = { ...CART, routes: { shop: { hosts: ["shop.example", "pay.example.org"], rules: to("cart") } } }
    expect((await apply(content)).status).toBe(200)
  })

  it("by a problem of somebody else's", async () => {
    await call("POST", "/v1/apply", {
      body: documents({ namespace: "team-b", routes: { cart: { service: "team-a/cart", rules: to("team-a/cart") } } }),
    })
    await confirmed("DELETE", "/v1/resources/Route/team-a/cart", { token })
    const response = await call("DELETE", "/v1/resources/Service/team-a/cart", { token })
    expect(response.status).toBe(422)
    const { problems } = await problemOf(response)
    expect(problems?.length).toBeGreaterThan(0)
    expect(JSON.stringify(problems)).not.toContain("team-b")
  })
})

describe("a token of one namespace reads", () => {
  it("its resources, and no others", async () => {
    const list = await (await call("GET", "/v1/resources", { token: reader })).json<ResourceList>()
    expect(keys(list.resources)).toEqual(["Route team-a/cart", "Service team-a/cart"])
    expect((await call("GET", "/v1/resources?namespace=team-b", { token: reader })).status).toBe(403)
    const detail = await (await call("GET", "/v1/revisions/1", { token: reader })).json<RevisionDetail>()
    expect(keys(detail.resources)).toEqual(["Route team-a/cart", "Service team-a/cart"])
    const diff = await (await call("GET", "/v1/diff?from=0&to=1", { token: reader })).json<Plan>()
    expect(keys(diff.changes)).toEqual(["Route team-a/cart", "Service team-a/cart"])
  })

  it("a status of its own services", async () => {
    const table = controlEnv.ROUTE_TABLE.getByName(MESH)
    const outlier = (cluster: string) => ({ cluster, endpoint: "X", ejected: true, because: "consecutive_5xx" })
    const outliers = [outlier("team-a/cart"), outlier("team-b/pay")]
    await table.pull({ isolate: "i", serving: 1, bindings: ["TEAM_A__CART", "TEAM_B__PAY"], outliers })
    const breaker = (cluster: string): BreakerStatus => ({
      cluster,
      generation: 1,
      phase: "open",
      restMs: 9,
      sinceMs: 1,
    })
    await table.hear(breaker("team-a/cart"))
    await table.hear(breaker("team-b/pay/v2"))
    const status = await (await call("GET", "/v1/status", { token: reader })).json<Status>()
    expect(status).toMatchObject({ services: 1, routes: 1, unbound: [], breakers: [{ cluster: "team-a/cart" }] })
    expect(status.isolates).toMatchObject([{ isolate: "i", serving: 1, outliers: [outliers[0]] }])
    expect(status.isolates[0]).not.toHaveProperty("bindings")
    expect(JSON.stringify(status)).not.toMatch(/team-b|TEAM_B/)
    const { breakers } = await (await call("GET", "/v1/breakers", { token: reader })).json<BreakerList>()
    expect(breakers.map(({ cluster }) => cluster)).toEqual(["team-a/cart"])
  })

  it("where a request goes that is its own, and of others only that they are others'", async () => {
    const explain = (request: object) => call("POST", "/v1/explain", { token: reader, body: { request } })
    const own = await (await explain({ url: "/", from: "team-a/cart", to: "team-a/cart" })).json<Explained>()
    expect(own.winner?.route).toBe("team-a/cart")
    expect((await explain({ url: "https://pay.example/" })).status).toBe(403)
    const nowhere = await explain({ url: "https://elsewhere.example/" })
    expect(nowhere.status).toBe(200)
    expect(await nowhere.text()).not.toContain("team-b")
  })

  it("nothing that is about the whole mesh unless its handler was made for it", async () => {
    const closed = TABLE.filter(({ role, namespaced }) => role === "viewer" && !namespaced)
    expect(closed.map(({ path }) => path).toSorted()).toEqual([
      "/v1/identity/keys",
      "/v1/keys",
      "/v1/preview",
      "/v1/probe-ticket",
      "/v1/stats",
      "/v1/vitals",
    ])
    expect((await call("GET", "/v1/stats", { token: reader })).status).toBe(403)
    const whoAmI = await (await call("GET", "/v1/whoami", { token: reader })).json()
    expect(whoAmI).toMatchObject({ name: "eyes-a", role: "viewer", namespaces: ["team-a"] })
  })
})
