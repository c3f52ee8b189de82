import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { Route } from "#shared/model/route.ts"
import { Dice } from "#simulator/dice.ts"
import { type SampledExchange, Sampler } from "#workers/proxy/sampler.ts"

const written = [
  {
    rules: [
      {
        matches: [
          { headers: [{ name: "X-Canary" }, { name: "Authorization" }], query: [{ name: "beta" }], cookies: [] },
        ],
      },
    ],
  },
] as unknown as Route[]
const publicly = {
  entrance: { at: "gateway", gateway: "default/web" },
  startedAtMs: 5,
  principals: {},
  routes: { written },
}
const bySidecar = { ...publicly, entrance: { at: "service", peer: { from: "default/a", to: "default/b" } } }

function sampled(exchange: object, isRpc: boolean, asked: { method: string; url?: string; headers?: Headers }) {
  const sampler = new Sampler(() => 0.5)
  sampler.pass(exchange as SampledExchange, isRpc, asked)
  return sampler.take()
}

describe("the head of a request", () => {
  it("keeps what routes decide by, and nothing of who asks", () => {
    const headers = new Headers({
      "x-canary": "always",
      authorization: "Bearer s3cret",
      cookie: "a=b",
      "user-agent": "curl",
    })
    const url = "https://shop.test/users/ada@example.com/1234567?beta=1&token=s3cret"
    const who = {
      ...publicly,
      principals: { user: { issuer: "https://idp.test", subject: "ada" }, address: "192.0.2.7" },
    }
    const heads = sampled(who, false, { method: "GET", url, headers })
    expect(heads).toEqual([
      {
        ...{ atMs: 5, weight: 1, gateway: "default/web", issuer: "https://idp.test", method: "GET" },
        url: "https://shop.test/users/xxx@xxxxxxx.xxx/0000000?beta=1",
        headers: [{ name: "x-canary", value: "always" }],
      },
    ])
    expect(JSON.stringify(heads)).not.toMatch(/s3cret|ada|curl|192\.0/)
  })

  it("of a call by a binding says who calls whom", () => {
    expect(sampled(bySidecar, true, { method: "getOrder" })).toEqual([
      { atMs: 5, weight: 1, from: "default/a", to: "default/b", rpc: "getOrder" },
    ])
  })

  it("of one that was refused before there were routes is kept all the same", () => {
    const heads = sampled({ ...publicly, routes: undefined }, false, { method: "GET", url: "not a url" })
    expect(heads).toEqual([{ atMs: 5, weight: 1, gateway: "default/web", method: "GET", headers: [] }])
  })
})

it("of many requests a few are kept, each for as many as went by", () => {
  const dice = new Dice(1)
  const sampler = new Sampler(() => dice.next())
  for (let request = 0; request < 1_000; request++)
    sampler.pass(publicly as unknown as SampledExchange, true, { method: "a" })
  const heads = sampler.take()
  expect(heads).toHaveLength(LIMITS.headsOfReport)
  expect(heads.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1_000)
  expect(sampler.take()).toEqual([])
})
