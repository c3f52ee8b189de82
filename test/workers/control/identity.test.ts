import { createExecutionContext, reset } from "cloudflare:test"
import { beforeEach, describe, expect, it } from "vitest"
import control from "#workers/control/index.ts"
import { call, controlEnv, get, makeToken, ORIGIN, problemOf } from "./support.ts"

beforeEach(reset)

interface Keys {
  readonly keys: readonly { readonly kid: string; readonly phase: string }[]
}

describe("workload identity", () => {
  it("publishes its keys to anybody, for a while", async () => {
    const response = await call("GET", "/.well-known/jwks.json", { token: null })
    expect(response.status).toBe(200)
    expect(response.headers.get("content-type")).toBe("application/jwk-set+json")
    expect(response.headers.get("cache-control")).toMatch(/^public, max-age=300\b/)
    const { keys } = await response.json<{ keys: Record<string, string>[] }>()
    expect(keys).toHaveLength(1)
    expect(Object.keys(keys[0]!).toSorted()).toEqual(["alg", "crv", "kid", "kty", "use", "x", "y"])
  })

  it("says what issues them, where the mesh has the URL of an issuer", async () => {
    const path = "/.well-known/openid-configuration"
    const response = await call("GET", path, { token: null })
    expect(await response.json()).toMatchObject({
      issuer: "https://control.example",
      jwks_uri: "https://control.example/.well-known/jwks.json",
    })
    for (const WEFT_ISSUER of [undefined, "http://control.example", "https://control.example?x"]) {
      const env = { ...controlEnv, ...(WEFT_ISSUER ? { WEFT_ISSUER } : {}) }
      if (WEFT_ISSUER === undefined) delete (env as { WEFT_ISSUER?: string }).WEFT_ISSUER
      const none = await control.fetch!(new Request(`${ORIGIN}${path}`) as never, env, createExecutionContext())
      expect(none.status).toBe(404)
      await problemOf(none as unknown as Response)
    }
  })

  it("takes nothing but reading without a token", async () => {
    for (const [method, path] of [
      ["POST", "/.well-known/jwks.json"],
      ["GET", "/v1/identity/keys"],
      ["POST", "/v1/identity/rotate"],
    ] as const) {
      expect((await call(method, path, { token: null, ...(method === "POST" && { body: {} }) })).status).toBe(401)
    }
  })

  it("lists keys to who may look, and changes them for who may administer", async () => {
    const [operator, admin] = [await makeToken("op", "operator"), await makeToken("boss", "admin")]
    expect((await call("POST", "/v1/identity/rotate", { token: operator, body: {} })).status).toBe(403)
    await call("GET", "/.well-known/jwks.json", { token: null })
    const [first] = (await get<Keys>("/v1/identity/keys")).keys
    const rotated = await (await call("POST", "/v1/identity/rotate", { token: admin, body: {} })).json<Keys>()
    expect(rotated.keys.map(({ phase }) => phase)).toEqual(["signing", "next"])
    const revoked = await call("POST", "/v1/identity/rotate", { token: admin, body: { revoke: first!.kid } })
    expect((await revoked.json<Keys>()).keys.some(({ kid }) => kid === first!.kid)).toBe(false)
    expect((await call("POST", "/v1/identity/rotate", { token: admin, body: { revoke: first!.kid } })).status).toBe(404)
    expect((await call("POST", "/v1/identity/rotate", { token: admin, body: { kid: "x" } })).status).toBe(400)
  })
})
