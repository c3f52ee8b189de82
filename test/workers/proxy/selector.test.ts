/** The choice of endpoints and the guards of load, as attempts use them: over snapshots, sweeps and lost callers. */
import { describe, expect, it } from "vitest"
import type { ServicePolicy } from "#shared/model/policy.ts"
import type { Endpoint } from "#shared/model/service.ts"
import type { OutlierPolicy, Priority } from "#shared/model/upstream-policy.ts"
import { type AttemptOutcome, type Ticket, ticketFor } from "#workers/proxy/guard.ts"
import { ConcurrencyGuard, ThrottleGuard } from "#workers/proxy/load-guards.ts"
import { Selector } from "#workers/proxy/selector.ts"

const background = { waitUntil() {} }

const outlier: OutlierPolicy = {
  intervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
  ejectionJitterMs: 0,
  maxEjectionPercent: 100,
  alwaysEjectOne: false,
  splitLocalOrigin: false,
  consecutive5xx: 3,
  enforcingConsecutive5xx: 100,
  consecutiveGateway: 5,
  enforcingConsecutiveGateway: 0,
  consecutiveLocalOrigin: 5,
  enforcingConsecutiveLocalOrigin: 100,
  successRateHostsMin: 5,
  successRateVolumeMin: 100,
  successRateStdevs: 1.9,
  enforcingSuccessRate: 100,
  enforcingSuccessRateLocalOrigin: 100,
  failurePercentHostsMin: 5,
  failurePercentVolumeMin: 50,
  failurePercent: 85,
  enforcingFailurePercent: 0,
  enforcingFailurePercentLocalOrigin: 0,
  panicPercent: 50,
}

function urls(...names: string[]): Endpoint[] {
  return names.map((name) => ({ kind: "url", url: `https://${name}.test/` }))
}

/** Dice that go through all places in turn. */
function evenDice() {
  let thrown = 0
  return () => (thrown++ * 0.6180339887498949) % 1
}

function outcome(status: number, kind: AttemptOutcome["kind"] = "answered"): AttemptOutcome {
  return { kind, status, durationMs: 5, endpoint: undefined }
}

function selectorOf(policy: ServicePolicy, endpoints: readonly Endpoint[]) {
  const selector = new Selector(policy, endpoints, evenDice())
  const ask = (nowMs: number, more: Partial<Parameters<Selector["select"]>[1]> = {}, offered = endpoints) =>
    selector.select(offered, { tried: [], key: null, colo: undefined, nowMs, ...more })
  const answer = (endpoint: Endpoint, status: number, nowMs: number, kind: AttemptOutcome["kind"] = "answered") => {
    const ticket = ticketFor(endpoint, "default", background)
    selector.admit(nowMs, 0, ticket)
    selector.settle(outcome(status, kind), nowMs, ticket)
  }
  const chosen = (nowMs: number, more = {}) =>
    new Set(
      Array.from({ length: 50 }, () => ask(nowMs, more)).map((one) => (one?.kind === "url" ? one.url : undefined)),
    )
  return { selector, ask, answer, chosen }
}

describe("the choice of endpoints", () => {
  it("leaves out an ejected endpoint until a sweep brings it back", () => {
    const all = urls("a", "b", "c")
    const { answer, chosen } = selectorOf({ outlier }, all)
    for (let failures = 0; failures < 3; failures++) answer(all[0]!, 500, 0)
    expect(chosen(1)).toEqual(new Set(["https://b.test/", "https://c.test/"]))
    expect(chosen(29_000)).not.toContain("https://a.test/")
    expect(chosen(41_000)).toContain("https://a.test/")
  })

  it("heeds no ejections when too few endpoints would be left", () => {
    const all = urls("a", "b", "c")
    const { answer, chosen } = selectorOf({ outlier }, all)
    for (const endpoint of all.slice(0, 2)) for (let failures = 0; failures < 3; failures++) answer(endpoint, 500, 0)
    expect(chosen(1).size).toBe(3)
  })

  it("has none to give when all are ejected and there is no panic", () => {
    const all = urls("a")
    const { answer, ask } = selectorOf({ outlier: { ...outlier, panicPercent: 0 } }, all)
    for (let failures = 0; failures < 3; failures++) answer(all[0]!, 0, 0, "unanswered")
    expect(ask(1)).toBeUndefined()
  })

  it("takes no answer for a failure that never came about", () => {
    const all = urls("a", "b", "c")
    const { answer, chosen } = selectorOf({ outlier }, all)
    for (let times = 0; times < 9; times++) answer(all[0]!, 0, 0, "unknown")
    expect(chosen(1).size).toBe(3)
  })

  it("tries an endpoint twice only when there is no other", () => {
    const all = urls("a", "b")
    const { ask } = selectorOf({ balancer: { kind: "round-robin" } }, all)
    for (let times = 0; times < 5; times++) expect(ask(0, { tried: [all[0]!] })).toBe(all[1])
    expect(all).toContain(ask(0, { tried: all }))
  })

  it("keeps what it knows over snapshots, and forgets what is gone", () => {
    const { selector, answer } = selectorOf({ outlier }, urls("a", "b", "c"))
    for (let failures = 0; failures < 3; failures++) answer(urls("a")[0]!, 500, 0)
    selector.follow(urls("a", "b", "c"))
    expect(selector.status(1).map(({ ejected }) => ejected)).toEqual([true, false, false])
    selector.follow(urls("a", "c", "d"))
    expect(selector.status(1).map(({ host, ejected }) => [host, ejected])).toEqual([
      ["https://a.test/", true],
      ["https://c.test/", false],
      ["https://d.test/", false],
    ])
    selector.follow(urls("d"))
    expect(selector.status(1)).toHaveLength(1)
  })

  it("serves exchanges that go by an older snapshot", () => {
    const old = urls("a", "b", "gone")
    const { selector, ask } = selectorOf({ balancer: { kind: "round-robin" } }, old)
    selector.follow(urls("a", "b", "new"))
    for (let times = 0; times < 6; times++) {
      const first = ask(0, {}, old)!
      expect(old.slice(0, 2)).toContain(first)
      expect(old.slice(0, 2)).toContain(ask(0, { tried: [first] }, old))
      expect(ask(0, { tried: [first] }, old)).not.toBe(first)
    }
  })

  it("keeps a key with its endpoint", () => {
    const all = urls("a", "b", "c", "d")
    const { ask } = selectorOf({ balancer: { kind: "hash", key: { by: "caller" } } }, all)
    const first = ask(0, { key: "default/shop" })
    for (let times = 0; times < 20; times++) expect(ask(times, { key: "default/shop" })).toBe(first)
  })

  it("prefers the own region, and knows none before a request told the data centre", () => {
    const [a, b] = urls("a", "b") as [Endpoint, Endpoint]
    const all: Endpoint[] = [
      { ...a, region: "europe" },
      { ...b, region: "america" },
    ]
    const { chosen } = selectorOf({ balancer: { kind: "random", regions: { europe: ["AMS"], america: ["EWR"] } } }, all)
    expect(chosen(0, { colo: "AMS" })).toEqual(new Set(["https://a.test/"]))
    expect(chosen(0, { colo: "EWR" })).toEqual(new Set(["https://b.test/"]))
    expect(chosen(0).size).toBe(2)
    expect(chosen(0, { colo: "NRT" }).size).toBe(2)
    expect(chosen(0, { colo: "AMS", tried: [all[0]!] })).toEqual(new Set(["https://b.test/"]))
  })

  it("spreads by weight, of all endpoints or of a part of them", () => {
    const [a, b, c] = urls("a", "b", "c") as [Endpoint, Endpoint, Endpoint]
    const all = [{ ...a, weight: 3 }, b, { ...c, weight: 0 }]
    const { ask } = selectorOf({ balancer: { kind: "round-robin" } }, all)
    const counts = new Map<Endpoint | undefined, number>()
    for (let times = 0; times < 400; times++) {
      const one = ask(0)
      counts.set(one, (counts.get(one) ?? 0) + 1)
    }
    expect([counts.get(all[0]), counts.get(all[1]), counts.get(all[2])]).toEqual([300, 100, undefined])
    expect(ask(0, {}, [all[2]!])).toBe(all[2])
  })

  it("holds nothing against an endpoint for attempts that were never heard of again", () => {
    const all = urls("a", "b")
    const { selector, ask } = selectorOf({ balancer: { kind: "least-request" } }, all)
    for (let times = 0; times < 5; times++) selector.admit(0, 0, ticketFor(all[0]!, "default", background))
    expect(new Set(Array.from({ length: 20 }, () => ask(1)))).toEqual(new Set([all[1]]))
    expect(new Set(Array.from({ length: 20 }, () => ask(301_000))).size).toBe(2)
  })
})

describe("places", () => {
  const enter = (guard: ConcurrencyGuard, priority: Priority, nowMs = 0): Ticket | string => {
    const ticket = ticketFor(urls("a")[0]!, priority, background)
    return guard.admit(nowMs, 0, ticket)?.refusal ?? ticket
  }

  it("refuse what is too many as overloaded, the sheddable first", () => {
    const guard = new ConcurrencyGuard({ max: 10, reservePercent: 20 })
    const entered = (priority: Priority) => {
      let count = 0
      while (typeof enter(guard, priority) !== "string") count += 1
      return count
    }
    expect([entered("sheddable"), entered("default"), entered("high"), entered("critical")]).toEqual([6, 2, 1, 1])
    expect(enter(guard, "critical")).toBe("overloaded")
  })

  it("are free again when an attempt must be over by what its ticket says, and no sooner", () => {
    const guard = new ConcurrencyGuard({ max: 1, reservePercent: 0 })
    const ticket = enter(guard, "default") as Ticket
    ticket.endsAtMs = 5_000
    expect(enter(guard, "default", 4_999)).toBe("overloaded")
    ticket.endsAtMs = 9_000
    expect(enter(guard, "default", 8_000)).toBe("overloaded")
    const next = enter(guard, "default", 9_000) as Ticket
    expect(typeof next).toBe("object")
    guard.settle(outcome(200), 9_001, ticket)
    expect(enter(guard, "default", 9_001)).toBe("overloaded")
  })

  it("are free again once, however often an attempt is settled", () => {
    const guard = new ConcurrencyGuard({ max: 2, reservePercent: 0 })
    const first = enter(guard, "default") as Ticket
    enter(guard, "default")
    guard.settle(outcome(200), 1, first)
    guard.settle(outcome(200), 1, first)
    expect(typeof enter(guard, "default")).toBe("object")
    expect(enter(guard, "default")).toBe("overloaded")
  })

  it("are given back for attempts that were never heard of again", () => {
    const guard = new ConcurrencyGuard({ max: 1, reservePercent: 0 })
    enter(guard, "default", 0)
    expect(enter(guard, "default", 299_000)).toBe("overloaded")
    expect(typeof enter(guard, "default", 300_000)).toBe("object")
  })

  it("are given back, when they run short, for attempts whose callers went away", () => {
    const guard = new ConcurrencyGuard({ max: 2, reservePercent: 0 })
    const signals = [new AbortController(), new AbortController()]
    const forbidden = {
      get signal(): AbortSignal {
        throw new Error("not this request's")
      },
    }
    const enterAt = (nowMs: number, request?: { readonly signal: AbortSignal }) =>
      guard.admit(nowMs, 0, ticketFor(urls("a")[0]!, "default", background, request))?.refusal ?? "in"
    expect([enterAt(1_000, signals[0]), enterAt(1_000, signals[1])]).toEqual(["in", "in"])
    expect(enterAt(1_000)).toBe("overloaded")
    signals[0]!.abort()
    expect([enterAt(1_009), enterAt(1_010, forbidden), enterAt(1_010)]).toEqual(["overloaded", "in", "overloaded"])
    signals[1]!.abort()
    expect([enterAt(1_030), enterAt(1_030)]).toEqual(["in", "overloaded"])
    expect(enterAt(1_050)).toBe("overloaded")
  })

  it("become fewer when answers are slow", () => {
    const adaptive = { min: 1, initial: 10, samples: 5, overloadPercent: 10, slowMs: 4 }
    const guard = new ConcurrencyGuard({ max: 10, reservePercent: 0, adaptive })
    for (let index = 0; index < 5; index++) guard.settle(outcome(200), 1, enter(guard, "default") as Ticket)
    for (let index = 0; index < 9; index++) expect(typeof enter(guard, "default")).toBe("object")
    expect(enter(guard, "default")).toBe("overloaded")
  })
})

describe("throttling", () => {
  const sent = (settle: AttemptOutcome) => {
    const guard = new ThrottleGuard({ ratio: 2, windowMs: 10_000, refusedPercentMax: 90 })
    const dice = evenDice()
    let count = 0
    for (let index = 0; index < 1_000; index++) {
      if (guard.admit(index, dice())) continue
      count += 1
      guard.settle(settle, index)
    }
    return count
  }

  it.each([
    ["answers", outcome(200), 1_000],
    ["refusals of its own", outcome(403), 1_000],
    ["bugs", outcome(500), 1_000],
    ["callers that went away", outcome(0, "unknown"), 1_000],
  ])("lets everything through to a service that gives %s", (_what, settle, count) => {
    expect(sent(settle)).toBe(count)
  })

  it.each([
    ["says that it is overloaded", outcome(503)],
    ["says that it is too much", outcome(429)],
    ["does not answer", outcome(0, "unanswered")],
  ])("sends a trickle to a service that %s", (_what, settle) => {
    expect(sent(settle)).toBeLessThan(150)
  })

  it("holds nothing against a service whose first answers are still on their way", () => {
    const guard = new ThrottleGuard({ ratio: 2, windowMs: 10_000, refusedPercentMax: 90 })
    const atOnce = Array.from({ length: 100 }, () => guard.admit(0, 0))
    expect(atOnce.filter(Boolean)).toEqual([])
    for (const _ of atOnce) guard.settle(outcome(200), 100)
    const later = Array.from({ length: 200 }, () => guard.admit(20_000, 0))
    expect(later.filter(Boolean)).toEqual([])
  })
})
