import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { eventually } from "#test/support/eventually.ts"
import { count, type ShopMesh, startShop } from "./shop-mesh.ts"

let mesh: ShopMesh
beforeAll(async () => {
  mesh = await startShop()
})
afterAll(() => mesh?.stop())

const answers = (requests: number) => count(mesh.ingressUrl, requests)

describe("a canary", () => {
  it("of 90 to 10 takes effect without a restart, and is counted as 90 to 10", async () => {
    expect(await answers(50)).toEqual({ v1: 50 })

    expect((await mesh.apply("canary.yaml")).changes).toMatchObject([
      { action: "change", kind: "Route", name: "orders" },
    ])
    // Within a lease and a pull, about 2 s, which `npm run spread` measures.
    await eventually(async () => "v2" in (await answers(40)))

    const { v1 = 0, v2 = 0, ...others } = await answers(1_000)
    expect(others).toEqual({})
    expect(v1 + v2).toBe(1_000)
    // One in ten, give or take six standard deviations.
    expect(v2).toBeGreaterThan(43)
    expect(v2).toBeLessThan(157)
  })

  it("is undone by a rollback", async () => {
    const { revision } = await mesh.rollback(1)
    expect(revision).toBe(3)
    // At one in ten, 250 answers without v2 are no accident (one in 10^11).
    await eventually(async () => !("v2" in (await answers(250))))
    expect(await answers(300)).toEqual({ v1: 300 })
  })
})

describe("the load generator", () => {
  it("sends nothing to other machines", async () => {
    await expect(count("http://shop.example.com", 1)).rejects.toThrow("not this machine")
    await expect(count("http://127.0.0.1.example.com", 1)).rejects.toThrow("not this machine")
  })
})
