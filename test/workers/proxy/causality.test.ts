/**
 * A chain of requests never goes backwards in revision where the next hop is told: the mesh's real Workers, two proxies of which one
 * lags behind, and a service between them that passes on what it was told.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Chain, startChain } from "#test/support/chain.ts"

let chain: Chain
beforeAll(async () => {
  chain = await startChain()
})
afterAll(() => chain?.stop())

/** A hop waits 50 ms for newer routes, and then goes by those that it has: on a busy machine once in a while. */
const ROUNDS = 20

async function inOneOf(rounds: number, holds: () => Promise<boolean>): Promise<void> {
  for (let round = 1; !(await holds()); round++) if (round === rounds) throw new Error(`in none of ${rounds} rounds`)
}

describe("a chain through two proxies", () => {
  it("is routed by the newer revision from its first hop to its last", async () => {
    await inOneOf(ROUNDS, async () => {
      await chain.settle()
      const revision = await chain.apply()
      await chain.refreshFirst()
      // The second proxy has heard nothing, and would not ask by itself for another hour.
      expect(await chain.secondAlone()).toBe(revision - 1)
      const { first, second } = await chain.through()
      expect(first).toBe(revision)
      return second === revision
    })
  })

  it("goes back where the service in between passes nothing on, which is why it should", async () => {
    await chain.settle()
    const revision = await chain.apply()
    await chain.refreshFirst()
    expect(await chain.through({ forgetful: true })).toEqual({ first: revision, second: revision - 1 })
  })

  it("over RPC is told in the explicit context, or not at all", async () => {
    await chain.settle()
    const revision = await chain.apply()
    await chain.refreshFirst()
    expect(await chain.rpc({ context: true })).toMatchObject({ "weft-revision": revision })
    expect(await chain.rpc({ context: false })).toBeUndefined()
  })
})

describe("a sender from outside", () => {
  it("is served by the revision that its token names, by a proxy that would not have it yet", async () => {
    await inOneOf(ROUNDS, async () => {
      await chain.settle()
      const { revision, consistencyToken } = await chain.applyWithToken()
      expect(await chain.public()).toBe(revision - 1)
      return (await chain.public(consistencyToken)) === revision
    })
  })

  it.each([
    ["a number", (_token: string, next: number) => String(next)],
    ["a token of another revision", (token: string, next: number) => token.replace(/^\d+/, String(next))],
    ["a token with another end", (token: string) => token.replace(/\.\d+\./, ".9999999999.")],
    ["a token with another signature", (token: string) => token.replace(/.$/, (last) => (last === "A" ? "E" : "A"))],
    ["two tokens", (token: string) => `${token}, ${token}`],
  ])("asks for nothing with %s", async (_what, forged) => {
    await chain.settle()
    const { floorsMissed: before } = await chain.status()
    const { revision, consistencyToken } = await chain.applyWithToken()
    expect(await chain.public(forged(consistencyToken, revision + 1))).toBe(revision - 1)
    const { floorsMissed } = await chain.status()
    expect(floorsMissed).toBeLessThanOrEqual(before)
  })
})
