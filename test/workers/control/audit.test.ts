import { createExecutionContext, reset, runInDurableObject, waitOnExecutionContext } from "cloudflare:test"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import { AUDIT, type AuditEntry } from "#shared/protocol/audit.ts"
import type { AuditList, RevisionList } from "#shared/protocol/control-api.ts"
import { createApp, serve } from "#workers/control/app.ts"
import { Denials } from "#workers/control/audit.ts"
import type { ControlEnv } from "#workers/control/env.ts"
import { call, confirmed, controlEnv, documents, get, makeToken, ORIGIN, ROOT_TOKEN } from "./support.ts"

beforeEach(reset)
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const ORDERS = { services: { orders: {}, cart: {} } }
const log = async (search = "") => (await get<AuditList>(`/v1/audit${search}`)).entries
/** As people read it, oldest first. */
const lines = (entries: readonly AuditEntry[]) =>
  [...entries]
    .reverse()
    .map(({ who, operation, target, outcome, status, revision }) =>
      [who, operation, target, outcome, status, revision].filter((part) => part !== undefined).join(" "),
    )

const app = createApp()
/** Tells of denials sooner than the Worker does. */
let denials: Denials
let context: ExecutionContext

beforeEach(() => {
  denials = new Denials(50)
  context = createExecutionContext()
})

/** Straight to the Worker, with an environment of one's own. */
async function ask(path: string, init: RequestInit = {}, env: Partial<ControlEnv> = {}, token = ROOT_TOKEN) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json", ...init.headers }
  return serve(app, new Request(`${ORIGIN}${path}`, { ...init, headers }), { ...controlEnv, ...env }, context, denials)
}

const post = (body: unknown): RequestInit => ({ method: "POST", body: JSON.stringify(body) })
const broken = {
  getByName: () => ({ begin: () => Promise.reject(new Error("gone")) }),
} as unknown as ControlEnv["AUDIT"]

describe("the audit log", () => {
  it("has every write with what came of it, and no read", async () => {
    const ci = await makeToken("ci", "operator")
    await call("POST", "/v1/apply", { token: ci, body: documents(ORDERS) })
    await call("POST", "/v1/plan", { token: ci, body: documents({}) })
    await call("GET", "/v1/resources", { token: ci })
    await call("POST", "/v1/apply", { token: ci, body: documents({ services: 7 }) })
    await call("POST", "/v1/apply", { token: ci, body: "{" })
    await call("DELETE", "/v1/resources/Service/default/cart", { token: ci })
    await call("POST", "/v1/rollback", { token: ci, body: { to: "previous" } })
    await call("POST", "/v1/rollback", { token: ci, body: { to: 9 } })
    const force = { namespace: "default", service: "orders", phase: "open", forSeconds: 60 }
    await call("POST", "/v1/breakers", { token: ci, body: force })
    await call("DELETE", "/v1/tokens/ci")
    expect(lines(await log())).toEqual([
      "root POST /v1/tokens token ci done 201",
      "ci POST /v1/apply done 200 1",
      "ci POST /v1/apply failed 422",
      "ci POST /v1/apply failed 400",
      "ci DELETE /v1/resources/{kind}/{namespace}/{name} Service default/cart done 200 2",
      "ci POST /v1/rollback revision 1 done 200 3",
      "ci POST /v1/rollback revision 9 failed 404",
      "ci POST /v1/breakers breaker default/orders open for 60 s done 200",
      "root DELETE /v1/tokens/{name} token ci done 204",
    ])
  })

  it("tells what did something from what had nothing to do", async () => {
    await call("POST", "/v1/apply", { body: documents(ORDERS) })
    await call("POST", "/v1/apply", { body: documents(ORDERS) })
    const rooms = await runInDurableObject(controlEnv.AUDIT.getByName(AUDIT), (_instance, state) =>
      [...state.storage.sql.exec<{ room: string }>("SELECT room FROM entries ORDER BY id")].map(({ room }) => room),
    )
    expect(rooms).toEqual(["deeds", "failures"])
  })

  it("joins each entry to its answer, and says where it came from", async () => {
    const headers = { "cf-connecting-ip": "2001:DB8::7", "x-forwarded-for": "127.0.0.1" }
    const response = await call("POST", "/v1/apply", { body: documents(ORDERS), headers })
    const [entry] = await log()
    expect(entry).toMatchObject({ address: "2001:db8::7", requestId: response.headers.get("weft-request-id") })
    expect(entry!.requestId).toMatch(/^[0-9a-f-]{36}$/)
    await call("POST", "/v1/apply", { body: documents({}), headers: { "cf-connecting-ip": "<script>\n" } })
    expect((await log())[0]).toMatchObject({ address: "unknown" })
  })

  it("never holds what somebody wrote", async () => {
    const evil = "\u001b]0;x\u0007\n2026 root POST /v1/tokens done"
    await ask("/v1/apply", post(documents(ORDERS, { message: evil })))
    await ask("/v1/apply", post(documents({ [evil]: evil })))
    await ask(`/v1/resources/${encodeURIComponent(evil)}/a/b`, { method: "DELETE" })
    await ask(`/v1/tokens/${encodeURIComponent(evil)}`, { method: "DELETE" })
    await ask("/v1/tokens", post({ name: evil, role: "viewer" }))
    await ask("/v1/identity/rotate", post({ revoke: evil }))
    await ask("/v1/rollback", { ...post({ to: 1 }), headers: { "idempotency-key": "secret-key", "user-agent": "<b>" } })
    await ask("/v1/audit", {}, {}, "wrong-token-of-somebody")
    await waitOnExecutionContext(context)
    const text = JSON.stringify(await log())
    expect(text).not.toMatch(/\\u001b|\\n|secret-key|wrong-token|2026 root/)
    expect(text).not.toContain(ROOT_TOKEN)
  })

  it("counts equal denials in one entry", async () => {
    const eyes = await makeToken("eyes", "viewer")
    const scoped = await makeToken("ci-a", "operator", { namespaces: ["team-a"] })
    const from = { "cf-connecting-ip": "203.0.113.9" }
    for (let attempt = 0; attempt < 3; attempt++) {
      await ask("/v1/apply", { ...post(documents({})), headers: from }, {}, eyes)
      await ask("/v1/audit", { headers: from }, {}, "not-a-token-at-all")
      await ask("/v1/audit", { headers: { ...from, origin: "https://evil.example" } })
    }
    await ask("/v1/audit", { headers: from }, {}, scoped)
    await ask("/v1/apply", post(documents({ services: { x: {} } })), {}, scoped)
    await waitOnExecutionContext(context)
    const entries = await log("?outcome=denied")
    expect(lines(entries).toSorted()).toEqual([
      "ci-a GET /v1/audit denied 403",
      // One that was begun stands alone.
      "ci-a POST /v1/apply denied 403",
      "eyes POST /v1/apply denied 403",
      "nobody authenticate denied 401",
      "nobody guard denied 403",
    ])
    const counts = Object.fromEntries(entries.map(({ who, operation, count }) => [`${who} ${operation}`, count]))
    expect(counts).toMatchObject({ "eyes POST /v1/apply": 3, "nobody authenticate": 3, "nobody guard": 3 })
  })

  it("is read in pages and by what one looks for", async () => {
    for (let index = 0; index < 5; index++)
      await call("POST", "/v1/apply", { body: documents({ services: { [`s${index}`]: {} } }) })
    await call("DELETE", "/v1/tokens/nothing")
    const all = await log()
    expect(all.map(({ id }) => id)).toEqual([6, 5, 4, 3, 2, 1])
    expect((await log("?limit=2")).map(({ id }) => id)).toEqual([6, 5])
    expect((await log("?limit=2&before=5")).map(({ id }) => id)).toEqual([4, 3])
    expect((await log("?outcome=failed")).map(({ id }) => id)).toEqual([6])
    expect((await log(`?operation=${encodeURIComponent("POST /v1/apply")}`)).length).toBe(5)
    expect(await log("?who=ci")).toEqual([])
    const at = all[2]!.atMs
    expect((await log(`?since=${at}`)).length).toBeGreaterThanOrEqual(3)
    expect((await log(`?until=${all.at(-1)!.atMs - 1}`)).length).toBe(0)
    for (const bad of ["?outcome=maybe", "?who=A%0A", "?operation=%1b", "?limit=0", "?since=-1", "?x=1"])
      expect((await call("GET", `/v1/audit${bad}`)).status).toBe(400)
  })

  it("lets nothing be done of which it cannot know, but what ends an outage", async () => {
    const silent = vi.spyOn(console, "error").mockImplementation(() => {})
    await ask("/v1/apply", post(documents({ services: { orders: {} } })))
    await ask("/v1/apply", post(documents({ services: { orders: { binding: "O" } } })))
    const refused = await ask("/v1/apply", post(documents({ services: { x: {} } })), { AUDIT: broken })
    expect(refused.status).toBe(503)
    expect(refused.headers.get("retry-after")).toBe("5")
    expect((await get<RevisionList>("/v1/revisions")).revisions).toHaveLength(2)
    const back = await ask("/v1/rollback", post({ to: "previous" }), { AUDIT: broken })
    expect(back.status).toBe(200)
    // It is late then, not lost.
    const logged = silent.mock.calls.flat().join("\n")
    expect(logged).toContain('"operation":"POST /v1/rollback"')
    expect(logged).toContain('"outcome":"done"')
  })

  it("says of what was cut off that nobody knows what came of it", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {})
    const lost = { head: () => Promise.reject(Object.assign(new Error("reset"), { durableObjectReset: true })) }
    const table = { getByName: () => lost } as unknown as ControlEnv["ROUTE_TABLE"]
    expect((await ask("/v1/apply", post(documents({})), { ROUTE_TABLE: table })).status).toBe(503)
    expect(lines(await log())).toEqual(["root POST /v1/apply unknown 503"])
  })

  it("has the confirmation that was asked for, and the one that was given", async () => {
    await call("POST", "/v1/apply", { body: documents({ services: { orders: {} } }) })
    await confirmed("DELETE", "/v1/resources/Service/default/orders")
    expect(lines(await log()).slice(1)).toEqual([
      "root DELETE /v1/resources/{kind}/{namespace}/{name} Service default/orders failed 428",
      "root DELETE /v1/resources/{kind}/{namespace}/{name} Service default/orders done 200 2",
    ])
  })
})

describe("a flood of wrong tokens", () => {
  it("is answered 429 and makes one entry", async () => {
    // All of it comes in one moment: guesses are forgiven with time.
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() })
    const headers = { "cf-connecting-ip": "203.0.113.77" }
    const statuses: number[] = []
    let after = ""
    for (let guess = 0; guess < 150; guess++) {
      const response = await ask("/v1/whoami", { headers }, {}, `wrong-token-number-${guess}`)
      statuses.push(response.status)
      after = response.headers.get("retry-after") ?? after
    }
    const count = (status: number) => statuses.filter((one) => one === status).length
    expect(count(401)).toBeLessThanOrEqual(LIMITS.tokenFailuresPerMinute)
    expect(count(401) + count(429)).toBe(150)
    expect(Number(after)).toBeGreaterThan(0)
    await waitOnExecutionContext(context)
    const entries = await log("?who=nobody")
    expect(entries.length).toBeLessThanOrEqual(2)
    expect(entries.reduce((sum, entry) => sum + entry.count, 0)).toBe(150)
    // Whoever has a token gets in from there all the same: nobody is kept out by a neighbour.
    const root = await call("GET", "/v1/whoami", { headers })
    expect(root.status).toBe(200)
  })
})
