import { reset } from "cloudflare:test"
import { beforeAll, describe, expect, it } from "vitest"
import type { ApiKeyCreated, ApiKeyList } from "#shared/protocol/api-keys.ts"
import { MESH } from "#shared/protocol/route-table.ts"
import { sha256 } from "#workers/control/auth.ts"
import { call, controlEnv, get, makeToken, problemOf } from "./support.ts"

beforeAll(() => reset())

const create = (body: object) => call("POST", "/v1/keys", { body })

describe("API keys", () => {
  it("are made, listed without their secret, told to proxies as a hash, and revoked", async () => {
    const token = await makeToken("ci", "operator")
    const response = await call("POST", "/v1/keys", {
      token,
      body: { id: "acme", owner: "Acme Inc.", scopes: ["orders:write", "orders:read", "orders:read"] },
    })
    expect([response.status, response.headers.get("cache-control")]).toEqual([201, "no-store"])
    const { key, ...info } = (await response.json()) as ApiKeyCreated
    expect(key).toMatch(/^weft_key_acme_[0-9A-Za-z]{32}$/)
    expect(info).toMatchObject({
      id: "acme",
      owner: "Acme Inc.",
      scopes: ["orders:read", "orders:write"],
      createdBy: "ci",
    })
    expect(info.expiresAtMs! - info.createdAtMs).toBeGreaterThan(364 * 86_400_000)

    const listed = await get<ApiKeyList>("/v1/keys")
    expect(listed.keys).toEqual([info])
    expect(JSON.stringify(listed)).not.toContain(key.slice(-32))
    const news = await controlEnv.ROUTE_TABLE.getByName(MESH).keysSince(-1)
    expect(news?.made).toMatchObject([{ id: "acme", hash: await sha256(key) }])

    expect((await create({ id: "acme", owner: "Acme" })).status).toBe(409)
    expect((await call("DELETE", "/v1/keys/acme", { token })).status).toBe(204)
    expect((await problemOf(await call("DELETE", "/v1/keys/acme", { token }))).status).toBe(404)
    expect((await get<ApiKeyList>("/v1/keys")).keys).toEqual([])
  })

  it("may be good for ever, if that is said", async () => {
    const response = await create({ id: "eternal", owner: "Acme", expiresInSeconds: "never" })
    expect(await response.json()).not.toHaveProperty("expiresAtMs")
  })

  it.each<[string, object]>([
    ["no id", { owner: "Acme" }],
    ["an id that is no name", { id: "Acme_1", owner: "Acme" }],
    ["no owner", { id: "a" }],
    ["an empty owner", { id: "a", owner: "" }],
    ["an owner that no header can hold", { id: "a", owner: "Acme\r\nx: 1" }],
    ["a scope with a space", { id: "a", owner: "Acme", scopes: ["a b"] }],
    ["an empty scope", { id: "a", owner: "Acme", scopes: [""] }],
    ["too many scopes", { id: "a", owner: "Acme", scopes: Array.from({ length: 65 }, (_, index) => `s${index}`) }],
    ["a life of no seconds", { id: "a", owner: "Acme", expiresInSeconds: 0 }],
    ["a life of another word", { id: "a", owner: "Acme", expiresInSeconds: "forever" }],
    ["a key of the caller's choice", { id: "a", owner: "Acme", key: "weft_key_a_x" }],
  ])("are not made with %s", async (_what, body) => {
    expect((await create(body)).status).toBe(400)
  })
})
