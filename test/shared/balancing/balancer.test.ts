/** What holds for every balancer, whatever it goes by. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Balancer, balancerOf, type Member } from "#shared/balancing/balancer.ts"

const KINDS = ["random", "round-robin", "least-request", "peak-ewma", "hash"] as const
const WEIGHTS = fc.array(fc.integer({ min: 0, max: 10 }), { minLength: 1, maxLength: 12 })

function membersOf(weights: readonly number[]): Member[] {
  return weights.map((weight, index) => ({ id: `https://m${index}.test/`, weight }))
}

function all(members: readonly Member[]): number[] {
  return members.map((_, index) => index)
}

/** Even dice and keys, without chance: the golden ratio leaves no gaps. */
function evenly(index: number): number {
  return (index * 0.6180339887498949) % 1
}

/** One request after the other, each answered at once in the same time; the shares of the members. */
function sharesOf(balancer: Balancer, members: readonly Member[], picks: number): number[] {
  const counts = members.map(() => 0)
  for (const member of all(members)) {
    balancer.begin(member)
    balancer.end(member, 10, 0, 0)
  }
  for (let index = 0; index < picks; index++) {
    const member = balancer.pick(all(members), `key-${index}`, 0, evenly(index))!
    balancer.begin(member)
    balancer.end(member, 10, 0, 0)
    counts[member] = counts[member]! + 1
  }
  return counts.map((count) => count / picks)
}

describe.each(KINDS)("the balancer %s", (kind) => {
  it("picks a candidate, and one with a weight while there is one", () => {
    fc.assert(
      fc.property(WEIGHTS, fc.infiniteStream(fc.double({ min: 0, max: 0.999999, noNaN: true })), (weights, dice) => {
        const members = membersOf(weights)
        const balancer = balancerOf(kind, members)
        const candidates = all(members).filter(() => dice.next().value < 0.7)
        for (let index = 0; index < 20; index++) {
          const picked = balancer.pick(candidates, `k${index}`, index, dice.next().value)
          if (candidates.length === 0) expect(picked).toBeUndefined()
          else {
            expect(candidates).toContain(picked)
            if (candidates.some((one) => weights[one]! > 0)) expect(weights[picked!]).toBeGreaterThan(0)
            balancer.begin(picked!)
          }
        }
      }),
    )
  })

  it("decides by nothing but what it was told", () => {
    const members = membersOf([1, 2, 3])
    const run = () => {
      const balancer = balancerOf(kind, members)
      return Array.from({ length: 200 }, (_, index) => {
        const picked = balancer.pick(all(members), `k${index}`, index, evenly(index))!
        balancer.begin(picked)
        if (index % 3 === 0) balancer.end(picked, index % 7, 0, index)
        return picked
      })
    }
    expect(run()).toEqual(run())
  })

  it("gives equal members equal shares", () => {
    const members = membersOf([1, 1, 1, 1])
    for (const share of sharesOf(balancerOf(kind, members), members, 20_000)) expect(share).toBeCloseTo(0.25, 1.3)
  })

  it("gives members shares by their weights", () => {
    const members = membersOf([1, 2, 5])
    const shares = sharesOf(balancerOf(kind, members), members, 40_000)
    expect(shares.map((share) => Math.round(share * 80) / 10)).toEqual([
      expect.closeTo(1, 0),
      expect.closeTo(2, 0),
      expect.closeTo(5, 0),
    ])
  })

  it("lets the weight 0 take over when nothing else is left", () => {
    const members = membersOf([0, 1, 0])
    const balancer = balancerOf(kind, members)
    expect(
      new Set(Array.from({ length: 40 }, (_, index) => balancer.pick([0, 2], `k${index}`, 0, evenly(index)))),
    ).toEqual(kind === "hash" ? expect.any(Set) : new Set([0, 2]))
  })

  it("stands a clock that does not move, and one that goes back", () => {
    const members = membersOf([1, 1])
    const balancer = balancerOf(kind, members)
    for (let index = 0; index < 100; index++) {
      const picked = balancer.pick([0, 1], null, 1000 - index * (index % 2), evenly(index))
      expect([0, 1]).toContain(picked)
      balancer.begin(picked!)
      balancer.end(picked!, 0, 0, 1000 - index)
    }
  })
})

describe("smooth weighted round robin", () => {
  it("goes round in turn, and spreads the turns of a heavy member", () => {
    const members = membersOf([5, 1, 1])
    const balancer = balancerOf("round-robin", members)
    const picks = Array.from({ length: 7 }, () => balancer.pick([0, 1, 2], null, 0, 0))
    expect(picks).toEqual([0, 0, 1, 0, 2, 0, 0])
  })

  it("gives each member its exact number of turns in a cycle", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 9 }), (weights) => {
        const members = membersOf(weights)
        const balancer = balancerOf("round-robin", members)
        const counts = weights.map(() => 0)
        const cycle = weights.reduce((sum, weight) => sum + weight, 0)
        for (let index = 0; index < cycle; index++) {
          const picked = balancer.pick(all(members), null, 0, 0)!
          counts[picked] = counts[picked]! + 1
        }
        expect(counts).toEqual(weights)
      }),
    )
  })

  it("begins somewhere else in every isolate", () => {
    const members = membersOf([1, 1, 1])
    const firsts = [0, 0.005, 0.009].map((dice) => balancerOf("round-robin", members).pick([0, 1, 2], null, 0, dice))
    expect(new Set(firsts).size).toBe(3)
  })
})

describe("least request", () => {
  it("takes the one with fewer requests under way of two", () => {
    const balancer = balancerOf("least-request", membersOf([1, 1]))
    balancer.begin(0)
    for (const dice of [0, 0.3, 0.6, 0.9]) expect(balancer.pick([0, 1], null, 0, dice)).toBe(1)
    balancer.end(0, 5, 0, 5)
    expect(balancer.pick([0, 1], null, 0, 0)).toBe(0)
  })

  it("takes weights for how much a member bears", () => {
    const balancer = balancerOf("least-request", membersOf([1, 4]))
    balancer.begin(0)
    for (let busy = 0; busy < 3; busy++) balancer.begin(1)
    const picks = Array.from({ length: 100 }, (_, index) => balancer.pick([0, 1], null, 0, evenly(index)))
    expect(picks.filter((one) => one === 1).length).toBeGreaterThan(90)
  })

  it("keeps away from a member that answers nothing", () => {
    const members = membersOf([1, 1, 1, 1])
    const balancer = balancerOf("least-request", members)
    const counts = members.map(() => 0)
    for (let index = 0; index < 1000; index++) {
      const picked = balancer.pick(all(members), null, 0, evenly(index))!
      counts[picked] = counts[picked]! + 1
      balancer.begin(picked)
      if (picked !== 2) balancer.end(picked, 1, 0, index)
    }
    expect(counts[2]).toBeLessThan(10)
  })
})

describe("peak EWMA", () => {
  it("prefers the quicker of two", () => {
    const balancer = balancerOf("peak-ewma", membersOf([1, 1]))
    for (const [member, ms] of [
      [0, 100],
      [1, 10],
    ] as const) {
      balancer.begin(member)
      balancer.end(member, ms, 0, 0)
    }
    for (const dice of [0, 0.5, 0.99]) expect(balancer.pick([0, 1], null, 1, dice)).toBe(1)
  })

  it("believes a slow answer at once, and a quick one slowly", () => {
    const balancer = balancerOf("peak-ewma", membersOf([1, 1]))
    const answer = (member: number, ms: number, atMs: number) => {
      balancer.begin(member)
      balancer.end(member, ms, 0, atMs)
    }
    answer(0, 20, 0)
    answer(1, 10, 0)
    answer(1, 500, 1)
    expect(balancer.pick([0, 1], null, 2, 0.9)).toBe(0)
    answer(1, 5, 3)
    expect(balancer.pick([0, 1], null, 4, 0.9)).toBe(0)
  })

  it("tries a slow one again after a while", () => {
    const balancer = balancerOf("peak-ewma", membersOf([1, 1]))
    const answer = (member: number, ms: number, atMs: number) => {
      balancer.begin(member)
      balancer.end(member, ms, 0, atMs)
    }
    answer(1, 5_000, 0)
    for (let atMs = 0; atMs < 120_000; atMs += 1000) answer(0, 40, atMs)
    expect(balancer.pick([0, 1], null, 120_000, 0.9)).toBe(1)
  })

  it("tries one of which nothing is known, though the others are quick", () => {
    const balancer = balancerOf("peak-ewma", membersOf([1, 1]))
    expect(balancer.pick([0, 1], null, 0, 0)).toBe(0)
    for (let atMs = 0; atMs <= 20_000; atMs += 500) {
      balancer.begin(0)
      balancer.end(0, 5, 0, atMs)
    }
    expect(balancer.pick([0, 1], null, 20_000, 0)).toBe(1)
  })

  it("does not take quick failures for speed", () => {
    const balancer = balancerOf("peak-ewma", membersOf([1, 1]))
    balancer.begin(0)
    balancer.end(0, 1, 1_000, 0)
    balancer.begin(1)
    balancer.end(1, 100, 0, 0)
    expect(balancer.pick([0, 1], null, 1, 0)).toBe(1)
  })
})

describe("hashing", () => {
  it("keeps a key with its member, whatever the dice say and in whatever order the candidates come", () => {
    fc.assert(
      fc.property(fc.string(), fc.double({ min: 0, max: 0.999, noNaN: true }), (key, dice) => {
        const members = membersOf([1, 1, 2, 3])
        const first = balancerOf("hash", members).pick([0, 1, 2, 3], key, 0, 0)
        expect(balancerOf("hash", members).pick([3, 1, 0, 2], key, 9, dice)).toBe(first)
      }),
    )
  })

  it("moves only the keys of a member that goes", () => {
    const members = membersOf([1, 1, 1, 1, 1])
    const balancer = balancerOf("hash", members)
    for (let index = 0; index < 2000; index++) {
      const before = balancer.pick([0, 1, 2, 3, 4], `k${index}`, 0, 0)
      const after = balancer.pick([0, 1, 2, 4], `k${index}`, 0, 0)
      if (before !== 3) expect(after).toBe(before)
    }
  })

  it("throws the dice for a request without a key", () => {
    const balancer = balancerOf("hash", membersOf([1, 1]))
    expect([balancer.pick([0, 1], null, 0, 0.1), balancer.pick([0, 1], null, 0, 0.9)]).toEqual([0, 1])
  })
})
