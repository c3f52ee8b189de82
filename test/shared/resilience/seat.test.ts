/** An isolate's seat at the breaker of the mesh: what it does by itself, and what when it is told. */
import { describe, expect, it } from "vitest"
import type { BreakerPolicy } from "#shared/model/policy.ts"
import { admission, freshSeat, hear, observe, observeOwnProbe, type Seat } from "#shared/resilience/seat.ts"
import { tallyOf } from "#shared/resilience/tally.ts"

const POLICY: BreakerPolicy = {
  windowMs: 1_000,
  volumeMin: 4,
  failureRatio: 0.5,
  coolDownMs: 1_000,
  coolDownMsMax: 4_000,
  probes: 5,
  successes: 1,
}
const LEASE_MS = 500
const FRESH_MS = 3_000

/**
 * Plays a story, 10 ms a sign: `f` and `.` are results of what passed, a space waits a second; `o2` `p3` `c4` are verdicts
 * with their generation (open rests a second); `L` is a lease of the mesh; `!` asks to pass; `+` and `-` are what the
 * isolate's own probe found; `a` is an answer of the object. Returns what the asks were told.
 */
function play(story: string): string[] {
  let nowMs = 0
  let seat: Seat = freshSeat(POLICY, 0)
  let lease = 0
  const told: string[] = []
  for (const [whole, verdict, generation] of story.matchAll(/([opc])(\d)|[^opc\d]/g)) {
    nowMs += whole === " " ? 1_000 : 10
    if (verdict) {
      const phase = verdict === "o" ? "open" : verdict === "p" ? "probing" : "closed"
      seat = hear(
        seat,
        { generation: Number(generation), phase, restMs: verdict === "o" ? 1_000 : 0 },
        POLICY,
        FRESH_MS,
        nowMs,
      )
    } else if (whole === "a") {
      seat = { ...seat, answeredAtMs: nowMs }
    } else if (whole === "L") {
      seat = { ...seat, lease: { id: 77, useUntilMs: nowMs + 100, untilMs: nowMs + LEASE_MS } }
    } else if (whole === "!") {
      const asked = admission(seat, POLICY, { leaseMs: LEASE_MS, patienceMs: 500 }, nowMs)
      seat = asked.seat
      const { admission: answer } = asked
      if (answer.admit === "probe") lease = answer.lease
      told.push(
        answer.admit === "probe"
          ? `${answer.scope} probe`
          : answer.admit === "refuse" && answer.ask
            ? "ask"
            : answer.admit,
      )
    } else if (whole === "+" || whole === "-") {
      seat = observeOwnProbe(seat, lease, whole === "+" ? "ok" : "failed", POLICY, nowMs, 0)
    } else if (whole !== " ") {
      seat = observe(seat, seat.own.generation, tallyOf(whole === "f", false), POLICY, nowMs, 0)
    }
  }
  return told
}

describe("an isolate alone", () => {
  it.each([
    ["passes what comes", "!!", ["pass", "pass"]],
    ["refuses once it has tripped", "ffff!", ["refuse"]],
    ["probes by itself after its rest, one at a time", "ffff  !!!", ["own probe", "refuse", "refuse"]],
    ["passes again when the probe was good", "ffff  !+!", ["own probe", "pass"]],
    ["rests longer when it was not", "ffff  !- !", ["own probe", "refuse"]],
    ["gives its place to another probe when one is lost", "ffff  ! !", ["own probe", "own probe"]],
  ])("%s: %j", (_sentence, story, told) => {
    expect(play(story)).toEqual(told)
  })
})

describe("an isolate that is told", () => {
  it.each([
    ["refuses what the mesh refuses, though it saw nothing itself", "o2!", ["refuse"]],
    ["asks for a lease once the mesh's rest is over", "o2 !", ["ask"]],
    ["asks while others probe", "p3!", ["ask"]],
    ["probes with a lease of the mesh, once", "p3L!!", ["mesh probe", "ask"]],
    ["does not begin a probe with an old lease", "p3L..........!", ["ask"]],
    ["does not probe by itself while the mesh governs", "ffffo2 !", ["ask"]],
    ["passes when the mesh has closed", "o2!c3!", ["refuse", "pass"]],
    ["forgets its own trip when the mesh has closed after it", "ffffo2!c3!", ["refuse", "pass"]],
    ["keeps its own trip when the mesh was well all along", "c1ffffc1!", ["refuse"]],
    ["keeps its own trip when the first word is that the mesh is well", "ffffc1!", ["refuse"]],
    ["asks before it probes by itself", "c1ffffc1 !a!+!", ["ask", "own probe", "pass"]],
    ["does not take an answer from before its rest was over for one", "c1ffffa !", ["ask"]],
    ["probes by itself when no answer comes", "c1ffffc1  !", ["own probe"]],
    ["does not listen to what is older", "o4c3!", ["refuse"]],
    ["goes on alone when it hears nothing more", "o2   !+!", ["own probe", "pass"]],
    ["drops a lease of an older generation", "p3Lo4!", ["refuse"]],
  ])("%s: %j", (_sentence, story, told) => {
    expect(play(story)).toEqual(told)
  })
})
