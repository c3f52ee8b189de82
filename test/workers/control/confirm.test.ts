import { reset } from "cloudflare:test"
import { beforeEach, describe, expect, it, vi } from "vitest"
import type { Applied, RevisionDetail, RevisionList } from "#shared/protocol/control-api.ts"
import { MESH } from "#shared/protocol/route-table.ts"
import { type CallOptions, call, confirmed, controlEnv, documents, get, problemOf } from "./support.ts"

beforeEach(reset)

const services = (...names: string[]) => Object.fromEntries(names.map((name) => [name, {}]))
const headOf = async () => (await get<RevisionList>("/v1/revisions?limit=1")).revisions[0]?.revision ?? 0
const apply = (names: string[], options: object = {}, extra: CallOptions = {}) =>
  call("POST", "/v1/apply", { body: documents({ services: services(...names) }, options), ...extra })

describe("a change that takes much away", () => {
  it.each([
    ["the half", ["a", "b"], 200],
    ["more than the half", ["a"], 428],
    ["all, for others", ["w", "x", "y", "z"], 428],
    ["all but one", ["d"], 428],
  ])("by pruning %s: to %j answers %s", async (_, names, status) => {
    await apply(["a", "b", "c", "d"])
    const response = await apply(names, { prune: true })
    expect(response.status).toBe(status)
    expect(await headOf()).toBe(status === 200 ? 2 : 1)
  })

  it("says what would go, and is done when it comes again with the word", async () => {
    await apply(["a", "b", "c"])
    const response = await apply(["c"], { prune: true })
    const problem = await problemOf(response)
    expect(problem).toMatchObject({
      status: 428,
      head: 1,
      confirm: {
        word: expect.stringMatching(/^[0-9a-f]{16}$/),
        removals: [{ kind: "Service", removed: 2, of: 3, names: ["default/a", "default/b"] }],
      },
    })
    expect(problem.detail).toContain("2 of 3 of the kind Service")
    const headers = { "weft-confirm": problem.confirm!.word }
    expect((await apply(["c"], { prune: true }, { headers })).status).toBe(200)
    expect(await headOf()).toBe(2)
  })

  it.each([
    ["another change", ["a"], 1],
    ["another head", ["c"], 2],
  ])("is not done by the word for %s", async (_, names, heads) => {
    await apply(["a", "b", "c"])
    const { confirm } = await problemOf(await apply(["c"], { prune: true }))
    if (heads === 2) await call("POST", "/v1/apply", { body: documents({ services: { a: { binding: "OTHER" } } }) })
    const response = await apply(names, { prune: true }, { headers: { "weft-confirm": confirm!.word } })
    expect(response.status).toBe(428)
    const again = await problemOf(response)
    expect(again.detail).toContain("not this change")
    expect(again.confirm?.word).not.toBe(confirm?.word)
    expect(await headOf()).toBe(heads)
  })

  it.each(["yes", "", "0123456789ABCDEF", "0123456789abcde"])("takes no %j for a word", async (word) => {
    await apply(["a", "b", "c"])
    expect((await apply(["c"], { prune: true }, { headers: { "weft-confirm": word } })).status).toBe(400)
    expect(await headOf()).toBe(1)
  })

  it("needs no word for one of several, and one for the last of its kind", async () => {
    await apply(["a", "b"])
    expect((await call("DELETE", "/v1/resources/Service/default/a")).status).toBe(200)
    expect((await call("DELETE", "/v1/resources/Service/default/b")).status).toBe(428)
    expect((await confirmed("DELETE", "/v1/resources/Service/default/b")).status).toBe(200)
  })

  it("needs a word also when it goes back", async () => {
    await apply(["a"])
    await apply(["b", "c", "d"])
    const response = await call("POST", "/v1/rollback", { body: { to: 1 } })
    expect(response.status).toBe(428)
    expect((await confirmed("POST", "/v1/rollback", { body: { to: 1 } })).status).toBe(200)
  })

  it("tells proxies that an empty mesh is meant, and only then", async () => {
    const table = controlEnv.ROUTE_TABLE.getByName(MESH)
    const published = async () => {
      const { revision, text = "" } = (await table.pull({ isolate: "a", serving: 0 })).newer!
      return { revision, ...JSON.parse(text) }
    }
    await apply(["a"])
    expect(await published()).not.toHaveProperty("meantEmpty")
    await confirmed("DELETE", "/v1/resources/Service/default/a")
    expect(await published()).toMatchObject({ revision: 2, meantEmpty: true })
    // What is built on it is empty too: an isolate may never have seen the revision that emptied it.
    await call("POST", "/v1/apply", {
      body: documents({ gateways: { web: { listeners: [{ name: "http", port: 80 }] } } }),
    })
    expect(await published()).toMatchObject({ revision: 3, meantEmpty: true })
    await apply(["a"])
    expect(await published()).not.toHaveProperty("meantEmpty")
  })
})

describe("going back to what was before", () => {
  const back = (extra: object = {}) => call("POST", "/v1/rollback", { body: { to: "previous", ...extra } })
  const bindingOf = async () => {
    const { resources } = await get<RevisionDetail>("/v1/revisions/head")
    return (resources[0]!.spec as { binding: string }).binding
  }
  const write = (binding: string) => call("POST", "/v1/apply", { body: documents({ services: { a: { binding } } }) })

  it("goes further back each time, and never forth to what was undone", async () => {
    for (const binding of ["ONE", "TWO", "THREE"]) await write(binding)
    expect(await (await back()).json()).toMatchObject({ revision: 4 } satisfies Partial<Applied>)
    expect(await bindingOf()).toBe("TWO")
    await write("FOUR")
    await back()
    expect(await bindingOf()).toBe("TWO")
    await back()
    expect(await bindingOf()).toBe("ONE")
    const response = await back()
    expect(response.status).toBe(404)
    await problemOf(response)
    const { revisions } = await get<RevisionList>("/v1/revisions")
    expect(revisions.map(({ rollbackOf }) => rollbackOf ?? 0)).toEqual([1, 2, 0, 2, 0, 0, 0])
  })

  it("is not done twice for one key", async () => {
    for (const binding of ["ONE", "TWO", "THREE"]) await write(binding)
    const options = { body: { to: "previous" }, headers: { "idempotency-key": "incident-7" } }
    await call("POST", "/v1/rollback", options)
    await call("POST", "/v1/rollback", options)
    expect(await headOf()).toBe(4)
  })

  it("takes one step where somebody says why", async () => {
    await apply(["a"])
    await apply(["b", "c", "d"])
    expect((await back({ force: true })).status).toBe(400)
    expect((await back({ force: true, message: "  " })).status).toBe(400)
    expect((await back()).status).toBe(428)
    expect((await back({ force: true, message: "All is down" })).status).toBe(200)
    expect(await get<RevisionDetail>("/v1/revisions/head")).toMatchObject({ message: "All is down", rollbackOf: 1 })
  })

  it("works when this version can no longer make sense of the head", async () => {
    await write("ONE")
    const table = controlEnv.ROUTE_TABLE.getByName(MESH)
    const broken = {
      documents: JSON.stringify({
        resources: [
          { kind: "Route", namespace: "default", name: "x", spec: { rules: 7 }, since: 2 },
          { kind: "Nonsense", namespace: "default", name: "y", spec: null, since: 2 },
        ],
      }),
      snapshot: '{"format":99,"services":{"health":7}}',
      digest: "0".repeat(64),
    }
    await table.commit({
      ...{ ...broken, expected: 1, idempotencyKey: "k", author: "bug", message: "" },
      ...{ added: 2, changed: 0, removed: 1 },
    })
    // Not even a change that mends it can be compiled upon it.
    const silent = vi.spyOn(console, "error").mockImplementation(() => {})
    expect((await write("TWO")).status).toBeGreaterThanOrEqual(400)
    silent.mockRestore()
    const response = await back({ force: true, message: "The head is broken" })
    expect(response.status, await response.clone().text()).toBe(200)
    expect(await bindingOf()).toBe("ONE")
    expect((await write("TWO")).status).toBe(200)
  })

  it.each([["last"], [0], ["1"], [null]])("to %j is refused", async (to) => {
    await write("ONE")
    expect((await call("POST", "/v1/rollback", { body: { to } })).status).toBe(400)
  })
})
