import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { SHOP, type ShopMesh, startShop, TOKEN } from "./shop-mesh.ts"

let mesh: ShopMesh

beforeAll(async () => {
  mesh = await startShop()
})
afterAll(() => mesh?.stop())

it("the shop's chaos: payments fail, their breaker opens and a fallback answers, they recover and it closes", async () => {
  // No name of the project's leads to the examples: they are what users copy, not what the project is built from.
  const { chaos } = await import(join(SHOP, "chaos.ts"))
  const lines: string[] = []
  const env = { WEFT_URL: mesh.controlUrl, WEFT_TOKEN: TOKEN, NO_COLOR: "1" }
  const report = await chaos({
    url: mesh.ingressUrl,
    env,
    say: (line: string) => void lines.push(line),
    patienceMs: 100_000,
  })
  expect(report.orders).toEqual({ before: "paid", failing: "unpaid", resting: "paid", after: "paid" })
  expect(report.breakers[0]).toMatch(/default\/payments +(open|probing) for/)
  expect(lines.join("\n")).toMatch(/SERVICE +BREAKER/)
})
