import { reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { createLocalJWKSet, jwtVerify } from "jose"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import type { KeyRingObject } from "#durable-objects/key-ring.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { AUDIT } from "#shared/protocol/audit.ts"
import type { KeyRingRpc, KeyStatus } from "#shared/protocol/key-ring.ts"
import type { ControlEnv } from "#workers/control/env.ts"
import { evict } from "./evict.ts"

const stub = () => (env as unknown as ControlEnv).KEY_RING.getByName("mesh")
const ring = () => stub() as unknown as KeyRingRpc
const HOUR_MS = 60 * 60 * 1000
const CALL = { workload: "default/storefront", audience: "https://api.example" }

beforeEach(reset)
afterEach(() => {
  vi.useRealTimers()
})

async function verified(token: string, audience = CALL.audience) {
  return jwtVerify(token, createLocalJWKSet((await ring().keySet()) as never), {
    audience,
    algorithms: ["ES256"],
    currentDate: new Date(),
  })
}

function elapse(ms: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms })
}

describe("a ring of keys", () => {
  it("issues tokens that its public keys verify", async () => {
    const issued = await ring().issue(CALL)
    const { payload, protectedHeader } = await verified(issued!.token)
    expect(payload).toMatchObject({ sub: "spiffe://suite.example/default/storefront", aud: CALL.audience })
    expect(payload.iss).toBe("https://control.example")
    expect(payload.exp! - payload.iat!).toBe(LIMITS.svidLifeMs / 1000)
    expect(issued!.expiresAtMs).toBe(payload.exp! * 1000)
    const { keys } = await ring().keySet()
    expect(keys).toMatchObject([{ kty: "EC", crv: "P-256", alg: "ES256", use: "sig", kid: protectedHeader.kid }])
  })

  it("gives away nothing private", async () => {
    await ring().issue(CALL)
    const told = JSON.stringify([await ring().keySet(), await ring().keys()])
    expect(told).not.toMatch(/"d":|private/)
  })

  it.each([
    { workload: "storefront", audience: "x" },
    { workload: "default/storefront/../admin", audience: "x" },
    { workload: "Default/x", audience: "x" },
    { workload: "default/x", audience: "" },
    { workload: "default/x", audience: "a".repeat(LIMITS.audienceCharsMax + 1) },
  ])("signs nothing for %j", async (call) => {
    expect(await ring().issue(call)).toBeUndefined()
  })

  it("has one first key, however many ask for it at once", async () => {
    const issued = await Promise.all(Array.from({ length: 20 }, () => ring().issue(CALL)))
    expect(new Set(issued.map((one) => one!.token.split(".")[0])).size).toBe(1)
    expect(await ring().keys()).toMatchObject([{ phase: "signing" }])
  })

  it("keeps its keys when it is evicted", async () => {
    const issued = await ring().issue(CALL)
    await evict(stub())
    await verified(issued!.token)
    await verified((await ring().issue(CALL))!.token)
    expect(await ring().keys()).toHaveLength(1)
  })

  it("changes keys by itself, with an overlap in which tokens of both are good", async () => {
    const first = (await ring().issue(CALL))!.token
    const [old] = await ring().keys()
    elapse(LIMITS.signingKeyRotateMs)
    expect(await runDurableObjectAlarm(stub())).toBe(true)
    expect((await ring().keys()).map(({ phase }) => phase)).toEqual(["signing", "next"])
    // Signed a moment before the next key takes over, and good for as long as it says.
    elapse(LIMITS.signingKeyAheadMs - 1_000)
    const last = (await ring().issue(CALL))!.token
    elapse(2_000)
    const next = (await ring().issue(CALL))!.token
    expect([first, last, next].map((token) => JSON.parse(atob(token.split(".")[0]!)).kid === old!.kid)).toEqual([
      true,
      true,
      false,
    ])
    await verified(last)
    await verified(next)
    elapse(LIMITS.svidLifeMs - 10_000)
    await runDurableObjectAlarm(stub())
    await verified(last)
    elapse(HOUR_MS)
    await runDurableObjectAlarm(stub())
    expect((await ring().keys()).map(({ phase }) => phase)).toEqual(["signing"])
    await vi.waitFor(async () => {
      const entries = await (env as unknown as ControlEnv).AUDIT.getByName(AUDIT).list({ limit: 10 })
      const deeds = entries.map(({ who, operation, target, reason }) => [who, operation, target, reason].join(" "))
      const [{ kid }] = (await ring().keys()) as [KeyStatus]
      expect(deeds.toReversed()).toEqual([
        `key-ring rotate key ${old!.kid} first_use`,
        `key-ring rotate key ${kid} age`,
        `key-ring retire key ${old!.kid} age`,
      ])
    }, 20_000)
  })

  it("goes on with the key at hand while its alarm does not fire", async () => {
    await ring().issue(CALL)
    elapse(LIMITS.signingKeyRotateMs * 3)
    await verified((await ring().issue(CALL))!.token)
    await runDurableObjectAlarm(stub())
    await verified((await ring().issue(CALL))!.token)
  })

  it("drops a key that is revoked at once, and signs with another", async () => {
    const stolen = (await ring().issue(CALL))!.token
    const [key] = await ring().keys()
    expect(await ring().rotate("another")).toBe(false)
    expect(await ring().rotate(key!.kid)).toBe(true)
    await expect(verified(stolen)).rejects.toThrow()
    await verified((await ring().issue(CALL))!.token)
    expect(await ring().keys()).toMatchObject([{ phase: "signing" }])
  })

  it("makes the next key on demand, and no more than it can hold", async () => {
    await ring().issue(CALL)
    expect(await ring().rotate(undefined)).toBe(true)
    expect((await ring().keys()).map(({ phase }) => phase)).toEqual(["signing", "next"])
    const outcomes = []
    for (let count = 0; count < LIMITS.signingKeysMax; count++) outcomes.push(await ring().rotate(undefined))
    expect(outcomes.at(-1)).toBe(false)
    expect(await ring().keys()).toHaveLength(LIMITS.signingKeysMax)
  })

  it("holds its keys where no call reaches them", async () => {
    await ring().issue(CALL)
    await runInDurableObject(stub(), (object: KeyRingObject) => {
      const reachable = Object.getOwnPropertyNames(Object.getPrototypeOf(object)).filter(
        (name) => name !== "constructor",
      )
      expect(reachable.toSorted()).toEqual(["alarm", "issue", "keySet", "keys", "rotate"])
    })
  })
})
