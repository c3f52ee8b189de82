import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import * as leases from "#shared/propagation/lease.ts"

const NOW = 1_000_000
const LEASE_MS = LIMITS.snapshotLeaseMs

/** An isolate's lease in time. */
function isolate() {
  let lease = leases.freshLease()
  let nowMs = NOW
  return {
    get lease() {
      return lease
    },
    pass(ms: number) {
      nowMs += ms
    },
    ask(floor = 0) {
      const asked = leases.ask(lease, floor, nowMs)
      lease = asked?.lease ?? lease
      return asked?.asking
    },
    answered(asking: leases.Asking, revision?: number) {
      lease = leases.answered(lease, asking, LEASE_MS, 0.5)
      if (revision !== undefined && leases.isWanted(lease, revision)) lease = leases.takenUp(lease, revision, nowMs)
    },
    inVain(asking: leases.Asking) {
      lease = leases.unanswered(lease, asking, LEASE_MS, nowMs, 0.5)
    },
    do(step: (lease: leases.Lease, nowMs: number) => leases.Lease) {
      lease = step(lease, nowMs)
    },
    patience: (floor = 0) => leases.patienceMs(lease, floor, LEASE_MS, nowMs),
    isOver: () => leases.isOver(lease, nowMs),
    detour: (dice = 0.5) => {
      const next = leases.detour(lease, nowMs, dice)
      lease = next ?? lease
      return next !== undefined
    },
  }
}

/** One that serves revision 7 and has just heard so. */
function fresh() {
  const one = isolate()
  one.answered(one.ask()!, 7)
  return one
}

describe("a lease", () => {
  it("is asked for at once, and then when it is over", () => {
    const one = isolate()
    const asking = one.ask()
    expect(asking).toMatchObject({ floor: 0 })
    expect(one.ask()).toBeUndefined()
    one.answered(asking!, 7)
    one.pass(LEASE_MS - 1)
    expect(one.ask()).toBeUndefined()
    one.pass(1)
    expect(one.ask()).toBeDefined()
  })

  it("counts from when it was asked for, however long the answer took", () => {
    const one = isolate()
    const asking = one.ask()!
    one.pass(1_500)
    one.answered(asking, 7)
    expect(one.lease.untilMs).toBe(NOW + LEASE_MS)
  })

  it("is over when the clock goes back", () => {
    const one = fresh()
    one.pass(-90_000)
    expect(one.isOver()).toBe(true)
    one.answered(one.ask()!)
    expect(one.isOver()).toBe(false)
  })

  it("is not lengthened by the late answer to an older question", () => {
    const one = fresh()
    one.pass(LEASE_MS)
    const hung = one.ask()!
    one.pass(LIMITS.snapshotPullMs)
    const next = one.ask()!
    one.answered(next, 8)
    const { untilMs } = one.lease
    one.answered(hung, 9)
    expect(one.lease.untilMs).toBe(untilMs)
    // What it brings is taken all the same.
    expect(one.lease.serving).toBe(9)
  })
})

describe("a request", () => {
  it("waits for the first routes, and for nothing while the lease lasts or runs out", () => {
    const cold = isolate()
    cold.ask()
    expect(cold.patience()).toBe(LIMITS.snapshotFirstWaitMs)
    const one = fresh()
    expect(one.patience()).toBe(0)
    one.pass(LEASE_MS * LIMITS.snapshotSleepLeases)
    one.ask()
    expect(one.patience()).toBe(0)
  })

  it("waits a moment after a sleep, for the answer to what is asked then", () => {
    const one = fresh()
    one.pass(LEASE_MS * LIMITS.snapshotSleepLeases + 1)
    const asking = one.ask()!
    expect(one.patience()).toBe(LIMITS.floorWaitMs)
    one.answered(asking)
    expect(one.patience()).toBe(0)
  })

  it("waits no more once one has waited in vain, or nobody answers", () => {
    const one = fresh()
    one.pass(60_000)
    one.ask()
    one.do(leases.inVain)
    expect(one.patience()).toBe(0)
    const other = fresh()
    other.pass(LEASE_MS)
    other.inVain(other.ask()!)
    other.pass(60_000)
    other.ask()
    expect(other.patience()).toBe(0)
    expect(other.patience(100)).toBe(0)
  })

  it("never waits for an object that hangs, as long as there are requests all the time", () => {
    const one = fresh()
    for (let ms = 0; ms < 60_000; ms += 10) {
      one.pass(10)
      one.ask()
      expect(one.patience()).toBe(0)
    }
  })
})

describe("a revision that was promised", () => {
  it("is asked for at once, also beside a question that is under way, and waited for a moment", () => {
    const one = fresh()
    expect(one.ask(7)).toBeUndefined()
    expect(one.ask(8)).toMatchObject({ floor: 8 })
    expect(one.patience(8)).toBe(LIMITS.floorWaitMs)
    expect(one.ask(9)).toBeUndefined()
    const other = fresh()
    other.pass(LEASE_MS)
    other.ask()
    expect(other.ask(8)).toMatchObject({ floor: 8 })
  })

  it("that nobody has is not waited for again before the next lease", () => {
    const one = fresh()
    one.answered(one.ask(1_000)!)
    one.do((lease, nowMs) => leases.missed(lease, 1_000, LEASE_MS, nowMs))
    expect(one.ask(1_000)).toBeUndefined()
    expect(one.ask(1_001)).toBeUndefined()
    expect([one.patience(1_000), one.patience(8)]).toEqual([0, LIMITS.floorWaitMs])
    one.pass(LEASE_MS)
    expect(one.ask(1_000)).toMatchObject({ floor: 1_000 })
  })
})

describe("what is served", () => {
  it("never falls, and is not what was refused until a while later", () => {
    const one = fresh()
    expect([6, 7, 8].map((revision) => leases.isWanted(one.lease, revision))).toEqual([false, false, true])
    one.do((lease, nowMs) => leases.refuses(lease, { revision: 8, reason: "no" }, nowMs))
    expect([8, 9].map((revision) => leases.isWanted(one.lease, revision))).toEqual([false, true])
    one.pass(LIMITS.snapshotRefusedMs - 1)
    one.do(leases.forgiving)
    expect(leases.isWanted(one.lease, 8)).toBe(false)
    one.pass(1)
    one.do(leases.forgiving)
    expect(leases.isWanted(one.lease, 8)).toBe(true)
    one.do((lease, nowMs) => leases.takenUp(lease, 9, nowMs))
    expect(one.lease.refused).toBeUndefined()
  })

  it("may be older than what was refused, which is not asked for again then", () => {
    const one = isolate()
    one.do((lease, nowMs) => leases.refuses(lease, { revision: 8, reason: "no" }, nowMs))
    one.do((lease, nowMs) => leases.takenUp(lease, 6, nowMs))
    expect(one.lease).toMatchObject({ serving: 6, refused: { revision: 8 } })
  })

  it("is asked for again at once when it was only damaged on its way", () => {
    const one = fresh()
    one.do((lease, nowMs) => leases.refuses(lease, { revision: 8, reason: "no", damaged: true }, nowMs))
    expect(leases.isWanted(one.lease, 8)).toBe(true)
  })
})

describe("the way past a silent relay", () => {
  it("is taken by a cold isolate at any time, and by others after pauses that double", () => {
    const cold = isolate()
    expect([cold.detour(), cold.detour()]).toEqual([true, true])
    const one = fresh()
    const taken: number[] = []
    for (let second = 0; second < 130; second++) {
      if (one.detour()) taken.push(second)
      one.pass(1_000)
    }
    expect(taken).toEqual([0, 2, 6, 14, 30, 60, 90, 120])
    one.do(leases.relayIsBack)
    expect(one.detour()).toBe(true)
  })
})
