/** What an isolate makes of the news of health checks, and how its choice of endpoints heeds them. */
import { describe, expect, it } from "vitest"
import type { HealthPolicy } from "#shared/model/health.ts"
import type { ServicePolicy } from "#shared/model/policy.ts"
import type { Endpoint } from "#shared/model/service.ts"
import type { HealthNews } from "#shared/protocol/health.ts"
import { HealthBook, isAvoided } from "#workers/proxy/health-book.ts"
import { Selector } from "#workers/proxy/selector.ts"

const SERVICE = "default/orders"
const news = (more: Partial<HealthNews> = {}): HealthNews => ({
  ...{ service: SERVICE, generation: 3, unhealthy: ["B"], forMs: 1_000 },
  ...more,
})
const avoidedBy = (book: HealthBook, nowMs: number) => [...(book.of(SERVICE, nowMs)?.unhealthy ?? [])]

describe("news of health checks", () => {
  it("hold for as long as they say, and then nobody is avoided", () => {
    const book = new HealthBook()
    book.hear([news()], 5_000)
    expect(avoidedBy(book, 5_999)).toEqual(["B"])
    expect(avoidedBy(book, 6_000)).toEqual([])
  })

  it("are over when they are told no more", () => {
    const book = new HealthBook()
    book.hear([news()], 0)
    book.hear([], 1)
    expect(avoidedBy(book, 1)).toEqual([])
  })

  it("are not taken back by an answer that was long on its way, unless the newer ones are over", () => {
    const book = new HealthBook()
    book.hear([news()], 0)
    book.hear([news({ generation: 2, unhealthy: ["A"] })], 1)
    expect(avoidedBy(book, 1)).toEqual(["B"])
    book.hear([news({ generation: 1, unhealthy: ["C"] })], 5_000)
    expect(avoidedBy(book, 5_000)).toEqual(["C"])
  })

  it("say of places that nobody knows that they are to be avoided only where that is asked for", () => {
    const book = new HealthBook()
    book.hear([news({ known: ["A", "B"] })], 0)
    const avoidance = book.of(SERVICE, 0)!
    expect(["A", "B", "NEW"].map((place) => isAvoided(avoidance, place))).toEqual([false, true, true])
    book.hear([news()], 1)
    expect(isAvoided(book.of(SERVICE, 1)!, "NEW")).toBe(false)
  })
})

describe("the choice of endpoints", () => {
  const HEALTH = { panicPercent: 50 } as HealthPolicy
  const bindings = (...names: string[]): Endpoint[] => names.map((binding) => ({ kind: "binding", binding }))

  function chosen(policy: ServicePolicy, unhealthy: string[], names = ["A", "B", "C"]): string {
    const book = new HealthBook()
    book.hear([news({ unhealthy })], 0)
    const endpoints = bindings(...names)
    let thrown = 0
    const dice = () => (thrown++ * 0.6180339887498949) % 1
    const selector = new Selector(policy, endpoints, dice, (nowMs) => book.of(SERVICE, nowMs))
    const asked = { tried: [], key: null, colo: undefined, nowMs: 0 }
    const picked = Array.from({ length: 60 }, () => selector.select(endpoints, asked))
    return [...new Set(picked.map((one) => (one?.kind === "binding" ? one.binding : "none")))].sort().join("")
  }

  it.each<[string, ServicePolicy, string[], string]>([
    ["leaves out what is unhealthy", { health: HEALTH }, ["B"], "AC"],
    ["does so under every balancer", { health: HEALTH, balancer: { kind: "round-robin" } }, ["A"], "BC"],
    ["heeds nothing when too few would be left", { health: HEALTH }, ["A", "B"], "ABC"],
    ["takes what is left where panic is off", { health: { ...HEALTH, panicPercent: 0 } }, ["A", "B"], "C"],
    [
      "has none when none is left and panic is off",
      { health: { ...HEALTH, panicPercent: 0 } },
      ["A", "B", "C"],
      "none",
    ],
    ["ignores places that it does not have", { health: HEALTH }, ["X", "Y"], "ABC"],
    ["ignores news where the routes have no check", { balancer: { kind: "random" } }, ["B"], "ABC"],
  ])("%s", (_what, policy, unhealthy, expected) => {
    expect(chosen(policy, unhealthy)).toBe(expected)
  })
})
