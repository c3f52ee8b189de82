import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { OutlierPolicy } from "#shared/model/upstream-policy.ts"
import { OutlierDetector, type OutlierEvent } from "#shared/resilience/outlier.ts"
import { successRateThreshold } from "#shared/resilience/success-rate.ts"

const base: OutlierPolicy = {
  intervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
  ejectionJitterMs: 0,
  maxEjectionPercent: 100,
  alwaysEjectOne: false,
  splitLocalOrigin: false,
  consecutive5xx: 5,
  enforcingConsecutive5xx: 100,
  consecutiveGateway: 3,
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

function detector(policy: Partial<OutlierPolicy>, hosts: readonly string[], roll = () => 0) {
  const events: OutlierEvent[] = []
  const made = new OutlierDetector({ ...base, ...policy }, roll, (event) => events.push(event))
  for (const host of hosts) made.add(host)
  const answer = (host: string, status: number, times: number, nowMs = 0) => {
    for (let index = 0; index < times; index++) {
      made.report(host, { kind: "connected" }, nowMs)
      made.report(host, { kind: "answered", status }, nowMs)
    }
  }
  const fail = (host: string, times: number, nowMs = 0) => {
    for (let index = 0; index < times; index++) made.report(host, { kind: "unanswered" }, nowMs)
  }
  return { detector: made, events, answer, fail }
}

describe("consecutive failures", () => {
  it("eject at once, and any other answer begins anew", () => {
    const { detector: one, answer } = detector({}, ["a", "b"])
    answer("a", 500, 4)
    answer("a", 404, 1)
    answer("a", 500, 4)
    expect(one.isEjected("a")).toBe(false)
    answer("a", 500, 1)
    expect(one.isEjected("a")).toBe(true)
    expect(one.isEjected("b")).toBe(false)
  })

  it("count what was not answered as 503, unless local failures stand apart", () => {
    const joint = detector({}, ["a"])
    joint.fail("a", 5)
    expect(joint.events).toContainEqual({ kind: "detected", host: "a", detection: "consecutive_5xx", enforced: true })
    const split = detector({ splitLocalOrigin: true }, ["a"])
    split.fail("a", 4)
    split.answer("a", 500, 1)
    split.fail("a", 4)
    expect(split.events).toEqual([])
    split.fail("a", 1)
    expect(split.events.map((event) => "detection" in event && event.detection)).toEqual([
      "consecutive_local_origin_failure",
    ])
  })

  it("are only seen when they are not enforced, and seen again in the next bout", () => {
    const { detector: one, events, answer } = detector({ enforcingConsecutive5xx: 0, consecutive5xx: 2 }, ["a"])
    answer("a", 500, 4)
    expect(events).toHaveLength(2)
    expect(one.isEjected("a")).toBe(false)
    expect(one.status()[0]?.because).toBe("consecutive_5xx, which is not enforced")
    one.sweep(10_000)
    expect(one.status()[0]?.because).toBeUndefined()
  })

  it("are enforced as often as the dice say", () => {
    const enforcing = { enforcingConsecutive5xx: 30 }
    for (const [dice, ejected] of [
      [0.29, true],
      [0.3, false],
    ] as const) {
      const { detector: one, answer } = detector(enforcing, ["a"], () => dice)
      answer("a", 500, 5)
      expect(one.isEjected("a")).toBe(ejected)
    }
  })
})

describe("an ejection", () => {
  it("lasts longer each time, up to the most, and ends at a sweep", () => {
    const { detector: one, answer } = detector({ baseEjectionMs: 10_000, maxEjectionMs: 25_000 }, ["a"])
    const lengths: number[] = []
    let nowMs = 0
    for (let round = 0; round < 4; round++) {
      answer("a", 500, 5, nowMs)
      const fromMs = nowMs
      while (one.isEjected("a")) {
        nowMs += 1_000
        one.sweep(nowMs)
      }
      lengths.push(nowMs - fromMs)
    }
    expect(lengths).toEqual([10_000, 20_000, 25_000, 25_000])
  })

  it("is forgiven step by step while the endpoint does well", () => {
    const { detector: one, answer } = detector({ baseEjectionMs: 10_000 }, ["a"])
    let nowMs = 0
    for (let round = 0; round < 2; round++) {
      answer("a", 500, 5, nowMs)
      while (one.isEjected("a")) {
        nowMs += 10_000
        one.sweep(nowMs)
      }
    }
    expect(one.host("a")?.multiplier).toBe(2)
    for (const left of [1, 0, 0]) {
      nowMs += 10_000
      one.sweep(nowMs)
      expect(one.host("a")?.multiplier).toBe(left)
    }
  })

  it("is drawn out by the dice, so that not all come back together", () => {
    const { detector: one, answer } = detector({ ejectionJitterMs: 9_999 }, ["a"], () => 0.5)
    answer("a", 500, 5, 0)
    one.sweep(34_999)
    expect(one.isEjected("a")).toBe(true)
    one.sweep(35_000)
    expect(one.isEjected("a")).toBe(false)
  })

  it("does not happen beyond the largest share, but to one when that is always allowed", () => {
    const hosts = ["a", "b", "c", "d"]
    const half = detector({ maxEjectionPercent: 50 }, hosts)
    for (const host of hosts) half.answer(host, 500, 5)
    expect(hosts.map((host) => half.detector.isEjected(host))).toEqual([true, true, false, false])
    expect(half.detector.status()[2]?.because).toBe("consecutive_5xx, but 2 of 4 endpoints are ejected already")
    const none = detector({ maxEjectionPercent: 10 }, hosts)
    const one = detector({ maxEjectionPercent: 10, alwaysEjectOne: true }, hosts)
    for (const host of hosts) {
      none.answer(host, 500, 5)
      one.answer(host, 500, 5)
    }
    expect([none.detector.ejected, one.detector.ejected]).toEqual([0, 1])
  })

  it("begins every count anew when it ends, also those that did not trigger it", () => {
    const { detector: one, answer } = detector({ consecutiveGateway: 4, enforcingConsecutiveGateway: 100 }, ["a"])
    answer("a", 500, 3)
    answer("a", 503, 2)
    expect(one.host("a")?.ejection?.detection).toBe("consecutive_5xx")
    one.sweep(30_000)
    answer("a", 503, 3, 30_000)
    expect(one.isEjected("a")).toBe(false)
    answer("a", 503, 1, 30_000)
    expect(one.isEjected("a")).toBe(true)
  })

  it("leaves no trace when the endpoint goes", () => {
    const { detector: one, answer } = detector({}, ["a", "b"])
    answer("a", 500, 5)
    one.remove("a")
    expect(one.ejected).toBe(0)
    answer("a", 500, 5)
    expect(one.status().map(({ host }) => host)).toEqual(["b"])
  })
})

describe("the statistics of an interval", () => {
  const hosts = ["a", "b", "c", "d", "e"]

  it("find the mean and what lies too far below it", () => {
    expect(successRateThreshold([50, 100, 100, 100, 100], 1.9)).toEqual({ mean: 90, threshold: 52 })
    expect(successRateThreshold([50, 50, 100, 100, 100], 1.9).threshold).toBeCloseTo(33.5, 1)
  })

  it("eject who succeeds less often than its peers", () => {
    const { detector: one, answer } = detector({ enforcingConsecutive5xx: 0 }, hosts)
    for (const host of hosts) answer(host, 200, 200)
    answer("e", 500, 200)
    one.sweep(10_000)
    expect(hosts.filter((host) => one.isEjected(host))).toEqual(["e"])
    expect(one.successRates("upstream")).toMatchObject({ mean: 90, threshold: 52 })
    expect(one.status()[4]).toMatchObject({
      because: "success_rate",
      untilMs: 40_000,
      successRate: 50,
    })
  })

  it("say nothing with too few requests or endpoints", () => {
    const few = detector({ enforcingConsecutive5xx: 0 }, hosts)
    for (const host of hosts) few.answer(host, 200, 49)
    few.answer("e", 500, 25)
    few.detector.sweep(10_000)
    expect(few.detector.ejected).toBe(0)
    expect(few.detector.successRates("upstream").mean).toBe(-1)
  })

  it("eject who fails more often than is allowed, when that is enforced", () => {
    const policy = { enforcingConsecutive5xx: 0, enforcingSuccessRate: 0, enforcingFailurePercent: 100 }
    const { detector: one, answer, events } = detector({ ...policy, failurePercent: 40 }, hosts)
    for (const host of hosts) answer(host, 200, 200)
    answer("e", 500, 200)
    one.sweep(10_000)
    expect(one.isEjected("e")).toBe(true)
    const atSweep = events.flatMap((event) =>
      event.kind === "detected" && !event.detection.startsWith("cons") ? event : [],
    )
    expect(atSweep.map(({ detection, enforced }) => [detection, enforced])).toEqual([
      ["success_rate", false],
      ["failure_percentage", true],
    ])
  })

  it("are of one interval only", () => {
    const { detector: one, answer } = detector({ enforcingConsecutive5xx: 0 }, hosts)
    for (const host of hosts) answer(host, 200, 200)
    answer("e", 500, 200)
    one.sweep(10_000)
    one.sweep(50_000)
    one.sweep(60_000)
    expect(one.ejected).toBe(0)
  })
})

describe("whatever happens", () => {
  it("counts the ejected rightly and never ejects more than the largest share", () => {
    const step = fc.oneof(
      fc.record({ host: fc.constantFrom("a", "b", "c", "d"), status: fc.constantFrom(200, 500, 503) }),
      fc.record({ sweepMs: fc.integer({ min: 0, max: 60_000 }) }),
      fc.record({ leave: fc.constantFrom("a", "b", "c", "d") }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), fc.integer({ min: 0, max: 100 }), (steps, maxEjectionPercent) => {
        const { detector: one, answer } = detector({ maxEjectionPercent, consecutive5xx: 2 }, ["a", "b", "c", "d"])
        let nowMs = 0
        let left = false
        for (const each of steps) {
          if ("host" in each) answer(each.host, each.status, 1, nowMs)
          else if ("sweepMs" in each) {
            nowMs += each.sweepMs
            one.sweep(nowMs)
          } else {
            one.remove(each.leave)
            left = true
          }
          const status = one.status()
          expect(status.filter(({ ejected }) => ejected).length).toBe(one.ejected)
          if (!left) expect(one.ejected * 100).toBeLessThanOrEqual(maxEjectionPercent * status.length)
        }
      }),
    )
  })
})
