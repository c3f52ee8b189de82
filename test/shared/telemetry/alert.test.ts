import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import { type Alert, acknowledge, advance, INACTIVE, tell } from "#shared/telemetry/alert.ts"

const MINUTE_MS = 60_000
const CLEAR = LIMITS.alertClearMs / MINUTE_MS

/** `+` holds, `-` does not, `?` nobody knows: a minute each, and the phase after each. */
function played(minutes: string, forMinutes: number): string {
  let state = INACTIVE.state
  let phases = ""
  for (const [minute, word] of [...minutes].entries()) {
    state = advance(state, word === "?" ? undefined : word === "+", forMinutes * MINUTE_MS, minute * MINUTE_MS)
    phases += { inactive: ".", pending: "p", firing: "F", resolved: "r" }[state.phase]
  }
  return phases
}

describe("an alert", () => {
  it.each([
    ["is inactive while all is well", "---", 1, "..."],
    ["is pending, and fires when it has held for as long as asked", "+++", 2, "ppF"],
    ["fires at once where nothing is asked for", "+", 0, "F"],
    ["is forgotten when it was pending only", "+-+-", 2, "p.p."],
    ["waits anew after a pause", "+-++", 1, "p.pF"],
    ["goes on firing over a short lull", "++-+-+", 1, "pFFFFF"],
    ["is resolved when all has been well for a while", "++---", 1, "pFFFr"],
    ["counts the lull anew after it held again", "++-+---", 1, "pFFFFFr"],
    ["begins, ends and waits for nothing that is not known", "?+??+?", 1, ".pppFF"],
    ["is not resolved by what is not known", "++-???-", 1, "pFFFFFr"],
    ["can fire again after it was resolved", "++---++", 1, "pFFFrpF"],
  ])("%s", (_story, minutes, forMinutes, phases) => {
    expect(CLEAR).toBe(2)
    expect(played(minutes, forMinutes)).toBe(phases)
  })

  it("is no longer shown as resolved after a day", () => {
    const resolved = { phase: "resolved", sinceMs: 0, endedMs: 1_000 } as const
    const dayMs = 24 * 60 * MINUTE_MS
    expect(advance(resolved, false, 0, 999 + dayMs)).toBe(resolved)
    expect(advance(resolved, false, 0, 1_000 + dayMs)).toEqual({ phase: "inactive" })
  })

  const words = fc.array(fc.constantFrom("+", "-", "?"), { maxLength: 40 }).map((list) => list.join(""))

  it("never fires before it has held for as long as asked, whatever comes in between", () => {
    fc.assert(
      fc.property(words, fc.nat(5), (minutes, forMinutes) => {
        const phases = played(minutes, forMinutes)
        for (let at = 0; at < phases.length; at++) {
          if (phases[at] !== "F" || phases[at - 1] === "F") continue
          expect(minutes.slice(Math.max(0, at - forMinutes), at + 1)).not.toContain("-")
          expect(at).toBeGreaterThanOrEqual(forMinutes)
          expect(minutes[at]).toBe("+")
        }
      }),
    )
  })

  it("is resolved only from firing, and only after nothing but quiet for a while", () => {
    fc.assert(
      fc.property(words, fc.nat(3), (minutes, forMinutes) => {
        const phases = played(minutes, forMinutes)
        for (let at = 0; at < phases.length; at++) {
          if (phases[at] !== "r" || phases[at - 1] === "r") continue
          expect(phases[at - 1]).toBe("F")
          expect(minutes.slice(at - CLEAR, at + 1)).not.toContain("+")
        }
      }),
    )
  })
})

describe("who is told", () => {
  const firing: Alert = { state: { phase: "firing", sinceMs: 0 } }
  const resolved = { phase: "resolved", sinceMs: 0, endedMs: 5 } as const
  const receivers = ["default/oncall"]
  const ask = { receivers, isSilenced: false, nowMs: 10 }

  it("is told once that it fires, and again when nobody acknowledges it", () => {
    const first = tell(firing, ask)
    expect(first.telling).toEqual({ status: "firing", receivers })
    expect(tell(first.alert, { ...ask, nowMs: 9 + LIMITS.alertRepeatMs }).telling).toBeUndefined()
    expect(tell(first.alert, { ...ask, nowMs: 10 + LIMITS.alertRepeatMs }).telling).toBeDefined()
  })

  it("is not reminded while somebody is at it, and is told of the end all the same", () => {
    const { alert } = tell(firing, ask)
    const held = acknowledge(alert, { by: "ann", untilMs: 2 * LIMITS.alertRepeatMs, reason: "" })!
    expect(tell(held, { ...ask, nowMs: 2 * LIMITS.alertRepeatMs - 1 }).telling).toBeUndefined()
    expect(tell(held, { ...ask, nowMs: 2 * LIMITS.alertRepeatMs }).telling).toBeDefined()
    const ended = tell({ ...held, state: resolved }, ask)
    expect(ended).toEqual({ alert: { state: resolved }, telling: { status: "resolved", receivers } })
  })

  it("is told at once when he becomes a receiver while it fires, which reminds nobody, and of its end", () => {
    const { alert } = tell(firing, ask)
    const more = { ...ask, receivers: ["default/oncall", "default/boss"], nowMs: 1_000 }
    const later = tell(alert, more)
    expect(later.telling).toEqual({ status: "firing", receivers: ["default/boss"] })
    expect(tell(later.alert, { ...more, nowMs: 2_000 }).telling).toBeUndefined()
    const reminded = tell(later.alert, { ...more, nowMs: 10 + LIMITS.alertRepeatMs })
    expect(reminded.telling).toEqual({ status: "firing", receivers: more.receivers })
    expect(tell({ ...later.alert, state: resolved }, more).telling?.receivers).toEqual(more.receivers)
    expect(tell(alert, { ...more, isSilenced: true }).telling).toBeUndefined()
    const held = acknowledge(alert, { by: "ann", untilMs: LIMITS.alertRepeatMs, reason: "" })!
    expect(tell(held, more).telling?.receivers).toEqual(["default/boss"])
  })

  it("hears nothing of it while it is silenced, and of all that is left when the silence is over", () => {
    const quiet = tell(firing, { ...ask, isSilenced: true })
    expect(quiet).toEqual({ alert: firing })
    expect(tell(quiet.alert, ask).telling).toMatchObject({ status: "firing" })
  })

  it("hears of the end even under a silence, since he would wait for it; and who heard of nothing, of nothing", () => {
    const { alert } = tell(firing, ask)
    expect(tell({ ...alert, state: resolved }, { ...ask, isSilenced: true }).telling).toMatchObject({
      status: "resolved",
    })
    expect(tell({ state: resolved }, ask).telling).toBeUndefined()
  })

  it("is told of the end also when he is a receiver no more", () => {
    const { alert } = tell(firing, ask)
    const ended = tell({ ...alert, state: resolved }, { ...ask, receivers: ["default/other"] })
    expect(ended.telling).toEqual({ status: "resolved", receivers })
  })

  it("hears firing and resolved in turns, whatever happens and whoever is silenced", () => {
    const minutes = fc.array(fc.record({ holds: fc.boolean(), silent: fc.boolean() }), { maxLength: 60 })
    fc.assert(
      fc.property(minutes, (all) => {
        let alert = INACTIVE
        const heard: string[] = []
        for (const [minute, { holds, silent }] of all.entries()) {
          const nowMs = minute * MINUTE_MS
          const state = advance(alert.state, holds, MINUTE_MS, nowMs)
          const told = tell({ ...alert, state }, { receivers, isSilenced: silent, nowMs })
          alert = told.alert
          if (told.telling) heard.push(told.telling.status)
        }
        heard.forEach((status, at) => {
          expect(status).toBe(at % 2 === 0 ? "firing" : "resolved")
        })
      }),
    )
  })

  it("may be acknowledged only while it fires", () => {
    expect(acknowledge(INACTIVE, { by: "ann", untilMs: 1, reason: "" })).toBeUndefined()
  })
})
