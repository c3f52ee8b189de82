import { reset } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { beforeEach, describe, expect, it } from "vitest"
import type {
  Applied,
  ApplyRequest,
  Plan,
  ResourceList,
  RevisionDetail,
  RevisionList,
} from "#shared/protocol/control-api.ts"
import { MESH } from "#shared/protocol/route-table.ts"
import type { ControlEnv } from "#workers/control/env.ts"
import { call, confirmed, controlEnv, documents, get, makeToken, problemOf } from "./support.ts"

const ORDERS = { services: { orders: {} } }
const CART = { services: { cart: {} } }
const ROUTED = {
  services: { orders: {} },
  routes: { orders: { service: "orders", rules: [{ backends: [{ service: "orders" }] }] } },
}

/** A token for revision 1. Each answer has one of its own, valid from then on. */
const FRESH_TOKEN: unknown = expect.stringMatching(/^1\.\d+\./)

beforeEach(reset)

async function apply(content: unknown, options: Partial<ApplyRequest> = {}): Promise<Applied> {
  const response = await call("POST", "/v1/apply", { body: documents(content, options) })
  expect(response.status, await response.clone().text()).toBe(200)
  const applied = await response.json<Applied>()
  expect(response.headers.get("etag")).toBe(`"${applied.revision}"`)
  return applied
}

async function rollBack(to: number): Promise<Applied> {
  const response = await confirmed("POST", "/v1/rollback", { body: { to } })
  expect(response.status, await response.clone().text()).toBe(200)
  return response.json()
}

const headOf = async () => (await get<RevisionList>("/v1/revisions?limit=1")).revisions[0]?.revision ?? 0
const names = ({ resources }: ResourceList | RevisionDetail) => resources.map(({ name }) => name).toSorted()

describe("apply", () => {
  it("makes revision 1 of the first document", async () => {
    const applied = await apply(ORDERS, { message: "Begin" })
    expect(applied).toMatchObject({ head: 0, revision: 1, digest: expect.stringMatching(/^[0-9a-f]{64}$/) })
    expect(applied.changes).toMatchObject([{ action: "add", kind: "Service", namespace: "default", name: "orders" }])
    const detail = await get<RevisionDetail>("/v1/revisions/1")
    expect(detail).toMatchObject({ revision: 1, author: "root", message: "Begin", added: 1, changed: 0, removed: 0 })
    expect(detail.digest).toBe(applied.digest)
    expect(detail.resources).toMatchObject([{ kind: "Service", name: "orders", since: 1 }])
  })

  it("sends nothing to the machine it runs on, unless its operator allows it", async () => {
    const local = { services: { orders: { url: "http://localhost:9000" } } }
    const refused = await call("POST", "/v1/apply", { body: documents(local) })
    expect(refused.status).toBe(422)
    expect((await problemOf(refused)).problems).toMatchObject([{ rule: "local-address", path: "services.orders" }])
  })

  it("says what is most likely not meant, as far as the change has to do with it", async () => {
    const rule = { backends: [{ service: "orders" }] }
    const twice = { ...ORDERS, routes: { shop: { hosts: ["shop.example"], rules: [rule, rule] } } }
    const plan = await (await call("POST", "/v1/plan", { body: documents(twice) })).json<Plan>()
    expect(plan.findings).toMatchObject([
      { severity: "warning", rule: "unreachable-rule", path: "routes.shop.rules[1]", hint: expect.any(String) },
    ])
    expect((await apply(twice)).findings).toEqual(plan.findings)
    // It is not this change's: only what is new is told.
    const idle = { services: { cart: { subsets: { v2: {} } } } }
    expect((await apply(idle)).findings).toMatchObject([{ rule: "unused-subset", resource: { name: "cart" } }])
    expect(await apply(idle)).not.toHaveProperty("findings")
  })

  it("gives proxies a snapshot with that digest", async () => {
    const { digest } = await apply(ORDERS)
    const { newer } = await controlEnv.ROUTE_TABLE.getByName(MESH).pull({ isolate: "a", serving: 0 })
    const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(newer?.text))
    const hex = [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("")
    expect(newer).toMatchObject({ revision: 1, digest })
    expect(hex).toBe(digest)
  })

  it("adds to what is there, and leaves the rest alone", async () => {
    await apply(ORDERS)
    const applied = await apply(CART)
    expect(applied).toMatchObject({ head: 1, revision: 2 })
    expect(names(await get<ResourceList>("/v1/resources"))).toEqual(["cart", "orders"])
  })

  it("removes what is not declared when pruning", async () => {
    await apply(ORDERS)
    const applied = await apply(CART, { prune: true })
    expect(applied.changes.map(({ action, name }) => `${action} ${name}`).toSorted()).toEqual([
      "add cart",
      "remove orders",
    ])
    expect(names(await get<ResourceList>("/v1/resources"))).toEqual(["cart"])
  })

  it("makes no revision when nothing changes", async () => {
    const first = await apply(ORDERS)
    const again = await apply(ORDERS)
    expect(again).toEqual({ head: 1, changes: [], revision: 1, digest: first.digest, consistencyToken: FRESH_TOKEN })
    expect(await headOf()).toBe(1)
    expect(await apply({})).toMatchObject({ revision: 1 })
  })

  it("of nothing to an empty mesh makes no revision", async () => {
    expect(await apply({})).toMatchObject({ head: 0, changes: [], revision: 0 })
    expect(await headOf()).toBe(0)
  })

  it("refuses to empty the mesh by pruning", async () => {
    await apply(ORDERS)
    const response = await call("POST", "/v1/apply", { body: documents({}, { prune: true }) })
    expect(response.status).toBe(422)
    expect((await problemOf(response)).problems).toMatchObject([{ rule: "empty-mesh" }])
    expect(await headOf()).toBe(1)
  })

  it("answers 422 with every problem, and writes nothing", async () => {
    const rules = [{ backends: [{ service: "nobody" }] }]
    const content = {
      services: { orders: {} },
      routes: { a: { hosts: ["a.example"], rules }, b: { service: "gone", rules } },
    }
    const response = await call("POST", "/v1/apply", { body: documents(content) })
    expect(response.status).toBe(422)
    const { problems } = await problemOf(response)
    expect(problems?.length).toBeGreaterThan(1)
    for (const problem of problems ?? []) {
      expect(problem).toMatchObject({ path: expect.any(String), rule: expect.any(String), message: expect.any(String) })
    }
    expect(await headOf()).toBe(0)
  })

  it("names the token as author", async () => {
    const token = await makeToken("ci", "operator")
    await call("POST", "/v1/apply", { token, body: documents(ORDERS) })
    expect(await get<RevisionDetail>("/v1/revisions/head")).toMatchObject({ author: "ci" })
  })

  it("cuts the message, and takes control characters out of it", async () => {
    await apply(ORDERS, { message: ` one\r\ntwo\u001b[31m\u202ethree\u0000 ${"x".repeat(2_000)}` })
    const { message } = await get<RevisionDetail>("/v1/revisions/1")
    expect(message.startsWith("one two [31mthree xxx")).toBe(true)
    expect(message).toHaveLength(1_024)
  })
})

describe("plan", () => {
  it("says what an apply would do, and does nothing", async () => {
    await apply(ORDERS)
    const response = await call("POST", "/v1/plan", { body: documents(CART, { prune: true }) })
    expect(response.status).toBe(200)
    expect(response.headers.get("etag")).toBe('"1"')
    const plan = await response.json<Plan>()
    expect(plan.head).toBe(1)
    expect(plan.changes).toHaveLength(2)
    expect(await headOf()).toBe(1)
    const refused = await call("POST", "/v1/plan", { body: documents({ services: 7 }) })
    expect(refused.status).toBe(422)
  })
})

describe("concurrent applies", () => {
  it("all land, one revision each, without If-Match", async () => {
    const applies = Array.from({ length: 4 }, (_, index) => apply({ services: { [`s${index}`]: {} } }))
    const revisions = (await Promise.all(applies)).map(({ revision }) => revision)
    expect(revisions.toSorted()).toEqual([1, 2, 3, 4])
    expect(names(await get<ResourceList>("/v1/resources"))).toEqual(["s0", "s1", "s2", "s3"])
  })

  it("of the same If-Match let one through and refuse the others with 412", async () => {
    await apply(ORDERS)
    const one = (index: number) => {
      const body = documents({ services: { [`s${index}`]: {} } })
      return call("POST", "/v1/apply", { body, headers: { "if-match": '"1"' } })
    }
    const responses = await Promise.all([0, 1, 2, 3, 4].map(one))
    expect(responses.map(({ status }) => status).toSorted()).toEqual([200, 412, 412, 412, 412])
    for (const response of responses.filter(({ status }) => status === 412)) {
      expect(await problemOf(response)).toMatchObject({ status: 412, head: 2 })
    }
    expect(await headOf()).toBe(2)
  })

  it("that are always too late give up with 409 and the head", async () => {
    await apply(ORDERS)
    const table = controlEnv.ROUTE_TABLE.getByName(MESH)
    let commits = 0
    const slow = {
      head: () => table.head(),
      revision: (revision: number) => table.revision(revision),
      commit: async () => ({ outcome: "stale", head: 1 + ++commits }),
    }
    const fake = { ...controlEnv, ROUTE_TABLE: { getByName: () => slow } } as unknown as ControlEnv
    const response = await callWith(fake, documents(CART))
    expect(response.status).toBe(409)
    expect(await problemOf(response)).toMatchObject({ head: 1 })
    expect(commits).toBe(5)
  })
})

describe("If-Match", () => {
  it.each([
    ["the head", '"1"', 200],
    ["an older revision", '"0"', 412],
    ["a revision to come", '"2"', 412],
    ["a bare number", "1", 400],
    ["a weak tag", 'W/"1"', 400],
    ["any", "*", 400],
    ["a list", '"0", "1"', 400],
  ])("of %s", async (_, tag, status) => {
    await apply(ORDERS)
    const response = await call("POST", "/v1/apply", { body: documents(CART), headers: { "if-match": tag } })
    expect(response.status).toBe(status)
    if (status !== 200) await problemOf(response)
    expect(await headOf()).toBe(status === 200 ? 2 : 1)
  })

  it("holds for rollback and delete", async () => {
    await apply(ORDERS)
    await apply(CART)
    const headers = { "if-match": '"1"' }
    expect((await call("POST", "/v1/rollback", { body: { to: 1 }, headers })).status).toBe(412)
    expect((await call("DELETE", "/v1/resources/Service/default/cart", { headers })).status).toBe(412)
    expect(await headOf()).toBe(2)
  })
})

describe("Idempotency-Key", () => {
  const once = (content: unknown, headers: Record<string, string>, token?: string) =>
    call("POST", "/v1/apply", { body: documents(content), headers, ...(token !== undefined && { token }) })

  it("gives a repeated request the first answer, whatever came between", async () => {
    const headers = { "idempotency-key": "deploy-7", "if-match": '"0"' }
    const first = await (await once(ORDERS, headers)).json<Applied>()
    await apply({ services: { orders: { binding: "OTHER" } } })
    const again = await once(ORDERS, headers)
    expect(again.status).toBe(200)
    expect(await again.json()).toEqual({ ...first, consistencyToken: FRESH_TOKEN })
    expect(await headOf()).toBe(2)
  })

  it("of 10 concurrent requests makes one revision", async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => once(ORDERS, { "idempotency-key": "k" })))
    const applied = await Promise.all(answers.map((answer) => answer.json<Applied>()))
    expect(new Set(applied.map(({ revision }) => revision))).toEqual(new Set([1]))
    expect(await headOf()).toBe(1)
  })

  it("does not confuse other bodies, callers or operations of the same key", async () => {
    const headers = { "idempotency-key": "k" }
    await once(ORDERS, headers)
    expect(await (await once(CART, headers)).json()).toMatchObject({ revision: 2 })
    await call("POST", "/v1/rollback", { body: { to: 1 }, headers })
    expect(await headOf()).toBe(3)
    const other = await makeToken("other", "operator")
    expect(await (await once(CART, headers, other)).json()).toMatchObject({ revision: 4 })
  })

  it.each([
    ["empty", ""],
    ["with a space", "a b"],
    ["too long", "x".repeat(256)],
  ])("is refused when %s", async (_, key) => {
    expect((await once(ORDERS, { "idempotency-key": key })).status).toBe(400)
  })
})

describe("rollback", () => {
  it("makes a new revision with the old content, to the byte", async () => {
    await apply(ORDERS)
    await apply(CART)
    const applied = await rollBack(1)
    expect(applied).toMatchObject({ head: 2, revision: 3, changes: [{ action: "remove", name: "cart" }] })
    const [first, third] = [await stored(1), await stored(3)]
    expect(third).toMatchObject({ documents: first?.documents, snapshot: first?.snapshot, digest: first?.digest })
    expect(await get<RevisionDetail>("/v1/revisions/3")).toMatchObject({ rollbackOf: 1, removed: 1, author: "root" })
  })

  it("brings back when a resource was first there", async () => {
    await apply(ROUTED)
    await confirmed("DELETE", "/v1/resources/Route/default/orders")
    await apply(ROUTED)
    const before = await get<RevisionDetail>("/v1/revisions/head")
    expect(before.resources.map(({ since }) => since).toSorted()).toEqual([1, 3])
    await rollBack(1)
    const { resources } = await get<RevisionDetail>("/v1/revisions/head")
    expect(resources.map(({ since }) => since)).toEqual([1, 1])
  })

  it("to what the mesh is already makes no revision", async () => {
    await apply(ORDERS)
    await apply(CART)
    expect(await rollBack(2)).toMatchObject({ head: 2, revision: 2, changes: [] })
    await rollBack(1)
    expect(await rollBack(1)).toMatchObject({ head: 3, revision: 3, changes: [] })
    expect(await headOf()).toBe(3)
  })

  it.each([
    ["a revision that is not there", { to: 9 }, 404],
    ["revision 0", { to: 0 }, 400],
    ["half a revision", { to: 1.5 }, 400],
    ["nothing", {}, 400],
    ["text", { to: "1" }, 400],
  ])("to %s is refused", async (_, body, status) => {
    await apply(ORDERS)
    const response = await call("POST", "/v1/rollback", { body })
    expect(response.status).toBe(status)
    await problemOf(response)
  })
})

describe("removing a resource", () => {
  it("makes a revision without it", async () => {
    await apply(ROUTED)
    const response = await confirmed("DELETE", "/v1/resources/Route/default/orders")
    expect(await response.json()).toMatchObject({
      head: 1,
      revision: 2,
      changes: [{ action: "remove", kind: "Route" }],
    })
    expect(await get<ResourceList>("/v1/resources")).toMatchObject({ resources: [{ kind: "Service" }] })
    expect(await get<RevisionDetail>("/v1/revisions/2")).toMatchObject({ message: "Remove Route default/orders" })
  })

  it("is refused with 422 while something refers to it", async () => {
    await apply(ROUTED)
    const response = await call("DELETE", "/v1/resources/Service/default/orders")
    expect(response.status).toBe(422)
    expect((await problemOf(response)).problems?.length).toBeGreaterThan(0)
    expect(await headOf()).toBe(1)
  })

  it.each([
    ["/v1/resources/Service/default/cart", 404],
    ["/v1/resources/Service/other/orders", 404],
    ["/v1/resources/Gateway/default/orders", 404],
    ["/v1/resources/Service/default/Orders", 400],
    ["/v1/resources/7/default/orders", 400],
  ])("DELETE %s answers %s", async (path, status) => {
    await apply(ORDERS)
    expect((await call("DELETE", path)).status).toBe(status)
    expect(await headOf()).toBe(1)
  })
})

function stored(revision: number) {
  return (env as unknown as ControlEnv).ROUTE_TABLE.getByName(MESH).revision(revision)
}

async function callWith(environment: ControlEnv, body: ApplyRequest): Promise<Response> {
  const { apply } = await import("#workers/control/changes.ts")
  const request = new Request("https://control.example/v1/apply", { method: "POST" })
  const caller = { name: "root", role: "admin" } as const
  return apply({ env: environment, caller, params: {}, query: {}, body, text: "", request, audit: {} })
}
