import { describe, expect, it } from "vitest"
import type { BreakerPolicy } from "#shared/model/policy.ts"
import {
  askLease,
  type Breaker,
  closedBreaker,
  coolDownMs,
  force,
  record,
  rejoin,
  settleLease,
} from "#shared/resilience/breaker.ts"
import { tallyOf } from "#shared/resilience/tally.ts"

const POLICY: BreakerPolicy = {
  windowMs: 1_000,
  volumeMin: 4,
  failureRatio: 0.5,
  coolDownMs: 1_000,
  coolDownMsMax: 4_000,
  probes: 1,
  successes: 1,
}
const LEASE_MS = 500

/**
 * Plays a story, a sign a step, 10 ms apart: `f` an attempt fails, `s` is good but slow, `.` is good; a space waits a second;
 * `?` asks for a lease; `+`, `-`, `~` settle the newest lease as good, failed, unknown; `O`, `C` force it open or closed for
 * two seconds.
 */
function play(story: string, policy = POLICY, dice = 0) {
  let nowMs = 0
  let breaker: Breaker = closedBreaker(policy, nowMs)
  const leases: number[] = []
  for (const sign of story) {
    nowMs += sign === " " ? 1_000 : 10
    if (sign === "?") {
      const asked = askLease(breaker, policy, LEASE_MS, nowMs)
      breaker = asked.breaker
      if (asked.lease) leases.push(asked.lease.id)
    } else if ("+-~".includes(sign)) {
      const found = sign === "+" ? "ok" : sign === "-" ? "failed" : "unknown"
      breaker = settleLease(breaker, leases.at(-1) ?? 0, found, policy, nowMs, dice)
    } else if (sign === "O" || sign === "C") {
      breaker = force(breaker, sign === "O" ? "open" : "closed", nowMs + 2_000, policy, nowMs)
    } else if (sign !== " ") {
      const tally = tallyOf(sign === "f", sign === "s")
      breaker = record(breaker, breaker.generation, tally, policy, nowMs, dice)
    }
  }
  return { breaker, phase: breaker.state.phase, leases: leases.length, nowMs }
}

describe("a breaker by its failure ratio", () => {
  it.each([
    ["stays closed without traffic", "", "closed"],
    ["stays closed below its volume", "fff", "closed"],
    ["opens when half of enough attempts fail", "f.f.f", "open"],
    ["opens at the attempt that makes the volume full", "..ff", "open"],
    ["stays closed below its ratio", "...f...f...f", "closed"],
    ["does not open on a good attempt", "ff..", "closed"],
    ["forgets what the window no longer holds", "fff  f", "closed"],
    ["counts nothing while it is open", "ffff....", "open"],
    ["rests before it is probed", "ffff?", "open"],
    ["gives a lease once it has rested", "ffff ?", "probing"],
    ["does not move by time alone", "ffff   ", "open"],
    ["closes when its probe succeeds", "ffff ?+", "closed"],
    ["opens again when its probe fails", "ffff ?-", "open"],
    ["goes on probing when a probe found out nothing", "ffff ?~", "probing"],
    ["rests twice as long after a failed probe", "ffff ?- ?", "open"],
    ["and is probed after that", "ffff ?-  ?", "probing"],
    ["starts counting afresh when it closes", "ffff ?+fff", "closed"],
    ["opens again after it closed", "ffff ?+ffff", "open"],
    ["ignores a result that nobody has a lease for", "ffff-", "open"],
    ["can be forced open", "O", "open"],
    ["stays forced open for as long as it was said", "O ?", "open"],
    ["is probed when that is over", "O   ?", "probing"],
    ["can be forced closed", "ffffC", "closed"],
    ["stays forced closed whatever fails", "ffffCffffff", "closed"],
    ["trips again when that is over", "ffffC  ffffff", "open"],
  ])("%s: %j -> %s", (_sentence, story, expected) => {
    expect(play(story).phase).toBe(expected)
  })
})

describe("a breaker by other signs", () => {
  const consecutive: BreakerPolicy = { ...POLICY, failureRatio: undefined, consecutive: 3 } as never
  const slow: BreakerPolicy = { ...POLICY, failureRatio: undefined, slow: { overMs: 100, ratio: 0.5 } } as never

  it.each([
    ["opens on the third failure in a row", consecutive, "fff", "open"],
    ["begins anew after a good attempt", consecutive, "ff.ff", "closed"],
    ["counts in a row over any time", consecutive, "f f f", "open"],
    ["opens when half of enough attempts are slow", slow, ".s.s", "open"],
    ["leaves failures alone when only slowness matters", slow, "ffffff", "closed"],
  ] as const)("%s: %s", (_sentence, policy, story, expected) => {
    expect(play(story, policy).phase).toBe(expected)
  })
})

describe("generations", () => {
  it("make results of an older one count for nothing", () => {
    const { breaker, nowMs } = play("ffff ?+")
    const late = Array.from({ length: 9 }).reduce<Breaker>(
      (now) => record(now, breaker.generation - 1, tallyOf(true, false), POLICY, nowMs, 0),
      breaker,
    )
    expect(late).toBe(breaker)
  })

  it("go up with every change of phase, and only then", () => {
    expect(
      ["", "...", "ffff", "ffff ?", "ffff ??", "ffff ?-", "ffff ?+"].map((story) => play(story).breaker.generation),
    ).toEqual([1, 1, 2, 3, 3, 4, 4])
  })
})

describe("leases", () => {
  it.each([
    ["one at a time", 1, "ffff ???", 1],
    ["as many as the policy has probes", 3, "ffff ?????", 3],
    ["the next when one has come back", 1, "ffff ?~?", 2],
    ["the next when one ran out", 1, "ffff ? ?", 2],
  ])("are given %s", (_sentence, probes, story, expected) => {
    expect(play(story, { ...POLICY, probes, successes: 9 }).leases).toBe(expected)
  })

  it("count as probes on their way when the breaker has opened again", () => {
    const policy = { ...POLICY, coolDownMs: 100, coolDownMsMax: 100, probes: 2 }
    expect(play("ffff ??-..........??", policy).leases).toBe(3)
  })

  it("say nothing after they ran out", () => {
    expect(play("ffff ? +").phase).toBe("probing")
    expect(play("ffff ? -").phase).toBe("probing")
  })

  it("must succeed as often as the policy says", () => {
    const policy = { ...POLICY, successes: 3 }
    expect(["ffff ?+?+", "ffff ?+?+?+", "ffff ?+?+?-"].map((story) => play(story, policy).phase)).toEqual([
      "probing",
      "closed",
      "open",
    ])
  })
})

describe("the rest", () => {
  it("doubles with each trip up to the most, and is longer by up to a quarter", () => {
    expect([1, 2, 3, 4, 40].map((trips) => coolDownMs(POLICY, trips, 0))).toEqual([1_000, 2_000, 4_000, 4_000, 4_000])
    expect(coolDownMs(POLICY, 1, 0.5)).toBe(1_125)
  })

  it("is the first again after a good while", () => {
    const untilOf = ({ breaker, nowMs }: ReturnType<typeof play>) =>
      breaker.state.phase === "open" ? breaker.state.untilMs - nowMs : undefined
    expect(untilOf(play("ffff ?+ffff"))).toBe(2_000)
    expect(untilOf(play("ffff ?+     ffff"))).toBe(1_000)
  })
})

describe("a breaker that has lost what it knew", () => {
  const lost = closedBreaker(POLICY, 5_000)
  const heard = (generation: number, phase: "closed" | "open" | "probing") => ({ generation, phase })

  it.each([
    ["closed", "closed"],
    ["open", "open"],
    ["probing", "open"],
  ] as const)("goes on from an isolate that heard it %s as %s, in a generation of its own", (phase, expected) => {
    const { state, generation } = rejoin(lost, heard(7, phase), LEASE_MS, 5_000)
    expect([state.phase, generation]).toEqual([expected, 8])
  })

  it("gives no lease while one that it does not know of may be out, and none of an earlier one's name", () => {
    const again = rejoin(lost, heard(7, "probing"), LEASE_MS, 5_000)
    expect(askLease(again, POLICY, LEASE_MS, 5_000 + LEASE_MS - 1).lease).toBeUndefined()
    const { lease } = askLease(again, POLICY, LEASE_MS, 5_000 + LEASE_MS)
    expect(lease?.id).toBeGreaterThan(1_000)
  })

  it("stays as it is for who knows no more than it", () => {
    expect(rejoin(lost, heard(1, "open"), LEASE_MS, 5_000)).toBe(lost)
    expect(rejoin(lost, heard(0, "open"), LEASE_MS, 5_000)).toBe(lost)
  })

  it("keeps what it has found out itself since", () => {
    const { breaker } = play("ffff")
    const again = rejoin(breaker, heard(40, "closed"), LEASE_MS, 5_000)
    expect([again.state, again.generation]).toEqual([breaker.state, 41])
    const counted = record(lost, 1, tallyOf(true, false), POLICY, 5_000, 0)
    expect(rejoin(counted, heard(40, "closed"), LEASE_MS, 5_000).state).toBe(counted.state)
  })
})
