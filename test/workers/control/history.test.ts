import { reset } from "cloudflare:test"
import { beforeAll, describe, expect, it } from "vitest"
import type { Plan, ResourceList, RevisionList } from "#shared/protocol/control-api.ts"
import { call, documents, get, problemOf } from "./support.ts"

beforeAll(async () => {
  await reset()
  for (const name of ["a", "b", "c", "d", "e"]) {
    await call("POST", "/v1/apply", { body: documents({ services: { [name]: {} } }, { message: name }) })
  }
  await call("DELETE", "/v1/resources/Service/default/a")
})

describe("revisions", () => {
  it.each([
    ["/v1/revisions", [6, 5, 4, 3, 2, 1]],
    ["/v1/revisions?limit=2", [6, 5]],
    ["/v1/revisions?limit=2&before=5", [4, 3]],
    ["/v1/revisions?before=2", [1]],
    ["/v1/revisions?before=1", []],
  ])("%s lists %j", async (path, expected) => {
    const response = await call("GET", path)
    expect(response.headers.get("etag")).toBe('"6"')
    const { revisions } = await response.json<RevisionList>()
    expect(revisions.map(({ revision }) => revision)).toEqual(expected)
  })

  it.each([
    ["1", 1, ["a"], null],
    ["3", 3, ["a", "b", "c"], null],
    ["head", 6, ["b", "c", "d", "e"], '"6"'],
  ])("shows %s", async (which, revision, names, etag) => {
    const response = await call("GET", `/v1/revisions/${which}`)
    expect(response.headers.get("etag")).toBe(etag)
    const detail = await response.json<{ revision: number; resources: { name: string }[] }>()
    expect(detail.revision).toBe(revision)
    expect(detail.resources.map(({ name }) => name)).toEqual(names)
  })
})

describe("diff", () => {
  it.each([
    ["from=0&to=1", ["add a"]],
    ["from=0&to=3", ["add a", "add b", "add c"]],
    ["from=3&to=1", ["remove b", "remove c"]],
    ["from=5&to=6", ["remove a"]],
    ["from=5", ["remove a"]],
    ["from=6&to=0", ["remove b", "remove c", "remove d", "remove e"]],
    ["from=4&to=4", []],
  ])("%s is %j", async (search, expected) => {
    const { head, changes } = await get<Plan>(`/v1/diff?${search}`)
    expect(head).toBe(6)
    expect(changes.map(({ action, name }) => `${action} ${name}`).toSorted()).toEqual(expected)
  })
})

describe("resources", () => {
  it.each([
    ["", 6, ["b", "c", "d", "e"]],
    ["?kind=Service", 6, ["b", "c", "d", "e"]],
    ["?kind=Route", 6, []],
    ["?name=c", 6, ["c"]],
    ["?namespace=other", 6, []],
    ["?revision=2", 2, ["a", "b"]],
    ["?revision=0", 0, []],
    ["?revision=2&name=a&kind=Service&namespace=default", 2, ["a"]],
  ])("%s of revision %s are %j", async (search, revision, expected) => {
    const list = await get<ResourceList>(`/v1/resources${search}`)
    expect(list.revision).toBe(revision)
    expect(list.resources.map(({ name }) => name)).toEqual(expected)
  })
})

describe("what is not there", () => {
  it.each(["/v1/revisions/7", "/v1/diff?from=7", "/v1/diff?from=1&to=7", "/v1/resources?revision=7"])(
    "%s answers 404",
    async (path) => {
      const response = await call("GET", path)
      expect(response.status).toBe(404)
      expect((await problemOf(response)).detail).toContain("7")
    },
  )
})

describe("queries", () => {
  it.each([
    ["/v1/revisions?limit", "no value"],
    ["/v1/revisions?limit=", "no value"],
    ["/v1/revisions?limit=0", "limit"],
    ["/v1/revisions?limit=201", "limit"],
    ["/v1/revisions?limit=1e1", "limit"],
    ["/v1/revisions?limit=-1", "limit"],
    ["/v1/revisions?limit=1&limit=2", "twice"],
    ["/v1/revisions?before=0", "before"],
    ["/v1/revisions?before=99999999999999999999", "before"],
    ["/v1/revisions?pending_delete", "no value"],
    ["/v1/revisions?unknown=1", "unknown"],
    ["/v1/revisions/0", "revision"],
    ["/v1/revisions/one", "revision"],
    ["/v1/revisions/-1", "revision"],
    ["/v1/diff", "from"],
    ["/v1/diff?from=head", "from"],
    ["/v1/resources?kind", "no value"],
    ["/v1/resources?kind=Service%00", "kind"],
    ["/v1/resources?name=../x", "name"],
    ["/v1/status?verbose=1", "verbose"],
    ["/v1/status?__proto__=1", "__proto__"],
    ["/healthz?x=1", "x"],
  ])("%s answers 400 and says %j", async (path, word) => {
    const response = await call("GET", path)
    expect(response.status).toBe(400)
    expect(JSON.stringify(await problemOf(response))).toContain(word)
  })
})

describe("an empty mesh", () => {
  it("has no head, and says so", async () => {
    await reset()
    expect((await call("GET", "/v1/revisions/head")).status).toBe(404)
    expect((await call("GET", "/v1/revisions/head/convergence")).status).toBe(404)
    expect(await get("/v1/revisions")).toEqual({ revisions: [] })
    expect(await get("/v1/resources")).toEqual({ revision: 0, resources: [] })
    expect(await get("/v1/status")).toEqual({
      ...{ services: 0, routes: 0, isolates: [], relays: [], floorsMissed: 0 },
      ...{ unbound: [], breakers: [], health: [] },
    })
    expect(await get("/v1/diff?from=0")).toEqual({ head: 0, changes: [] })
  })
})
