import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { Grant, Rate } from "#shared/model/rate-limit.ts"
import {
  affords,
  answer,
  ask,
  freshShare,
  giveBack,
  isAsking,
  missed,
  type Share,
  spend,
  spendable,
  unanswered,
} from "#shared/resilience/lease.ts"

const RATE: Rate = { requests: 64, perMs: 64_000, burst: 64 }
const fresh = () => freshShare("a", 0)
/** What limiters answer that keep an account. */
const paid = (paid: number, granted: number, more: Partial<Grant> = {}): Grant => ({
  ...{ paid, granted, left: 50, emptyMs: 0 },
  ...more,
})

describe("a share", () => {
  /** One that has asked before, and passes a request on credit. */
  const first = ask(spend({ ...fresh(), asks: 1 }, 1, 0), RATE, 1, 0)!
  const heard = (given: Grant, dice = 0, atMs = 0): Share => answer(first.share, first.ask, given, atMs, dice)
  const leased = heard(paid(9, 8))

  it("lets the first requests pass on credit, a small part of the burst", () => {
    let share = fresh()
    let passed = 0
    for (; affords(share, RATE, 1, 0); passed++) share = spend(share, 1, 0)
    expect(passed).toBe(2)
  })

  it("lets at least one request pass on credit, whatever it costs", () => {
    expect(affords(fresh(), { ...RATE, burst: 5 }, 1, 0)).toBe(true)
    expect(affords(fresh(), RATE, 40, 0)).toBe(true)
  })

  it("has no further credit until what it owes is paid", () => {
    const { share, ask: asked } = ask(spend(spend(fresh(), 1, 0), 1, 0), RATE, 1, 0)!
    expect(asked.debt).toBe(2)
    expect(affords(share, RATE, 1, 0)).toBe(false)
    const whole = answer(share, asked, paid(2 + asked.want, asked.want), 0, 0)
    expect(affords(spend(whole, asked.want, 0), RATE, 1, 0)).toBe(true)
    const unpaid = answer(share, asked, paid(1, 0), 0, 0)
    expect(affords(unpaid, RATE, 1, LIMITS.limitLeaseMs)).toBe(true)
    expect(affords(spend(unpaid, 1, 0), RATE, 1, LIMITS.limitLeaseMs)).toBe(false)
  })

  it("tells what it has spent in all, and numbers its asks", () => {
    expect(first.ask).toEqual({ want: 10, least: 1, debt: 1, back: 0, account: { id: "a", number: 2, spent: 1 } })
    expect(ask(spend(leased, 8, 0), RATE, 1, 1_000)?.ask).toMatchObject({
      debt: 0,
      account: { id: "a", number: 3, spent: 9 },
    })
  })

  it("spends what it leased, for as long as the lease, which begins with the ask", () => {
    expect(spendable(leased, LIMITS.limitLeaseMs - 1)).toBe(8)
    expect(spendable(leased, LIMITS.limitLeaseMs)).toBe(0)
    expect(spendable(heard(paid(9, 8), 0, 400), LIMITS.limitLeaseMs)).toBe(0)
    expect(spendable(spend(leased, 3, 0), 0)).toBe(5)
  })

  it("pays nothing with what expired", () => {
    const later = spend(leased, 1, LIMITS.limitLeaseMs)
    expect(spendable(later, LIMITS.limitLeaseMs)).toBe(-1)
    expect(ask(later, RATE, 1, LIMITS.limitLeaseMs)?.ask).toMatchObject({ debt: 1, account: { spent: 2 } })
  })

  it("holds again what expired, when the limiter has kept it", () => {
    const { share, ask: asked } = ask(leased, RATE, 1, 3_000)!
    expect(spendable(share, 3_000)).toBe(0)
    expect(spendable(answer(share, asked, paid(9, 0), 3_000, 0), 3_000)).toBe(8)
  })

  it("asks again below a half, and not before", () => {
    expect(ask(spend(leased, 6, 0), RATE, 1, 1_000)?.ask).toMatchObject({ want: 6, least: 1, debt: 0, back: 0 })
    expect(ask(spend(leased, 4, 0), RATE, 1, 1_000)).toBeUndefined()
  })

  it("asks for what recent use took in a second, within a quarter of the burst", () => {
    const used = (count: number) => ask(spend({ ...fresh(), asks: 1, paid: count }, count, 0), RATE, 1, 1_000)?.ask.want
    expect(used(1)).toBe(1)
    expect(used(9)).toBe(9)
    expect(used(60)).toBe(16)
  })

  it("asks for little at first, so that there is something for all who begin together", () => {
    expect(ask(spend(fresh(), 1, 0), { ...RATE, burst: 640 }, 1, 0)?.ask.want).toBe(10)
    expect(ask(spend(fresh(), 1, 0), RATE, 1, 0)?.ask.want).toBe(1)
  })

  it("asks once at a time, and anew when an answer got lost", () => {
    const asking = ask(fresh(), RATE, 1, 0)!.share
    expect(ask(asking, RATE, 1, 10)).toBeUndefined()
    expect(isAsking(asking, asking.askingUntilMs)).toBe(false)
    expect(ask(asking, RATE, 1, asking.askingUntilMs)).toBeDefined()
  })

  it("hears an answer that comes when it asked again, and renews nothing by it", () => {
    const again = ask(first.share, RATE, 1, first.share.askingUntilMs)!
    const late = answer(again.share, first.ask, paid(9, 8), again.share.askedAtMs, 0)
    expect(isAsking(late, again.share.askedAtMs)).toBe(true)
    expect(spendable(late, again.share.askedAtMs)).toBe(0)
    expect(spendable(answer(late, again.ask, paid(9, 0), again.share.askedAtMs, 0), again.share.askedAtMs)).toBe(8)
  })

  it("owes what it owed and holds what it held when nobody answers", () => {
    const { share } = ask(spend(leased, 7, 0), RATE, 1, 1_000)!
    expect(spendable(unanswered(share), 1_000)).toBe(1)
    expect(spendable(unanswered(first.share), 0)).toBe(-1)
    expect(ask(unanswered(first.share), RATE, 1, 0)?.ask).toMatchObject({ debt: 1, account: { number: 3, spent: 1 } })
  })

  it("does not ask while there is nothing, and not with all the others at once", () => {
    const early = heard(paid(1, 0, { emptyMs: 5_000 }))
    expect(ask(early, RATE, 1, 4_999)).toBeUndefined()
    expect(ask(early, RATE, 1, 5_000)).toBeDefined()
    const [soon, late] = [0, 0.99].map((dice) => heard(paid(1, 0, { emptyMs: 1 }), dice))
    expect(soon!.emptyUntilMs).toBe(LIMITS.limitAskMs / 2)
    expect(late!.emptyUntilMs).toBeGreaterThan(LIMITS.limitAskMs)
  })

  it("gives an expired lease back", () => {
    const { share, ask: asked } = giveBack(spend(leased, 5, 0), 3_000)!
    expect(asked).toEqual({ want: 0, least: 0, debt: 0, back: 0, account: { id: "a", number: 3, spent: 6 } })
    expect(giveBack(answer(share, asked, paid(6, 0), 3_000, 0), 9_000)).toBeUndefined()
    expect(giveBack(leased, 100)).toBeUndefined()
  })

  it("tells what it owes also when nobody uses it any more", () => {
    const owing = heard(paid(0, 0))
    expect(giveBack(owing, 3_000)?.ask).toMatchObject({ want: 0, debt: 1, account: { spent: 1 } })
  })

  it("has no credit while there is nothing", () => {
    const early = heard(paid(1, 0, { emptyMs: 5_000 }))
    expect(affords(early, RATE, 1, 4_999)).toBe(false)
    expect(affords(early, RATE, 1, 5_000)).toBe(true)
    const little = heard(paid(2, 1))
    expect(affords(spend(little, 1, 0), RATE, 1, 0)).toBe(false)
    expect(affords(spend(little, 1, 0), RATE, 1, LIMITS.limitAskMs)).toBe(true)
  })

  it("pays ahead for a lease's time after it was granted nothing", () => {
    expect(affords(heard(paid(1, 0, { emptyMs: 1 })), RATE, 1, LIMITS.limitLeaseMs - 1)).toBe(false)
    expect(affords(heard(paid(1, 0, { emptyMs: 1 })), RATE, 1, LIMITS.limitLeaseMs)).toBe(true)
  })

  it("pays ahead for a while after a refusal, until it is granted something", () => {
    const refused = missed(fresh(), 1, 0)
    expect(affords(refused, RATE, 1, LIMITS.limitLeaseMs - 1)).toBe(false)
    expect(affords(refused, RATE, 1, LIMITS.limitLeaseMs)).toBe(true)
    const { share, ask: asked } = ask(refused, RATE, 1, 0)!
    expect(affords(spend(answer(share, asked, paid(asked.want, asked.want), 0, 0), asked.want, 0), RATE, 1, 0)).toBe(
      true,
    )
  })

  it("understands a limiter of an earlier version, which tells no totals", () => {
    const old = heard({ granted: 8, left: 50, emptyMs: 0 })
    expect(spendable(old, 0)).toBe(8)
    const again = ask(spend(old, 7, 0), RATE, 1, 1_000)!
    expect(spendable(answer(again.share, again.ask, { granted: 4, left: 50, emptyMs: 0 }, 1_000, 0), 1_000)).toBe(5)
  })
})
