/**
 * Many isolates of the proxy before one control Worker, whose objects fail and whose checks are gone past: the short versions of
 * `npm run spread`, `trouble`, `poison` and `herd`. With a lease of 50 ms a second is worth forty.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Fleet, startFleet } from "#test/support/fleet.ts"
import { poisons } from "#test/support/poison.ts"
import { poison } from "#test/support/poison-run.ts"
import { spread } from "#test/support/spread-run.ts"
import { TROUBLES, trouble } from "#test/support/trouble-run.ts"

const LEASE_MS = 50
const PROXIES = ["a", "b", "c", "d"]
const COLD = [...TROUBLES.keys()].map((index) => `cold-${index}`)
/** One of each kind: no JSON, another digest, another format, empty, a list that is none, a rule that leads nowhere. */
const POISONS = [
  'is "null"',
  "has another digest",
  "has the format 99",
  "is empty, and nobody meant it",
  "services is null",
]

let fleet: Fleet
beforeAll(async () => {
  fleet = await startFleet({
    proxies: Object.fromEntries(
      [...PROXIES, ...COLD, "colder"].map((name) => [name, { WEFT_LEASE_MS: String(LEASE_MS) }]),
    ),
    services: { upstream: { entry: "bench/workers/upstream.ts" } },
    control: "bench/workers/tampered.ts",
  })
})
afterAll(() => fleet?.stop())

describe("revisions that are applied under load", () => {
  it("are served whole, never backward, and everywhere", async () => {
    const run = { isolates: PROXIES.length, revisions: 5, perSecond: 40, pauseMs: 20, settleMs: 10 * LEASE_MS }
    const { requests, failed, backward, torn, lagsMs } = await spread(fleet, PROXIES, run)
    expect(requests).toBeGreaterThan(5)
    expect({ failed, backward, torn }).toEqual({ failed: 0, backward: 0, torn: 0 })
    expect(Math.max(...lagsMs)).toBeLessThan(60_000)
  })
})

describe("objects in trouble", () => {
  it("cost requests nothing, and no isolate its start", async () => {
    const phases = await trouble(fleet, PROXIES, COLD, { perSecond: 80, phaseMs: 250 })
    expect(phases.map(({ name, failed, coldStatus }) => ({ name, failed, coldStatus }))).toEqual(
      TROUBLES.map(([name]) => ({ name, failed: 0, coldStatus: 200 })),
    )
    // Objects answer 5 s late, or not at all: whoever had waited for one would be seen, as far as the machine has time for requests at all.
    const well = Math.max(...phases.filter(({ name }) => name.startsWith("well")).map(({ p99Ms }) => p99Ms))
    for (const { p99Ms } of phases) expect(p99Ms).toBeLessThan(4_500 + 5 * well)
    // They are asked all the while.
    for (const { calls } of phases) expect(calls).toBeGreaterThan(0)
  })
})

describe("snapshots that nobody can serve", () => {
  it("fail no request, and show in the status", async () => {
    const some = poisons().filter(({ name }) => POISONS.includes(name))
    expect(some).toHaveLength(POISONS.length)
    const { failed, requests, unseen, shownAfterMs, coldStatus, recovered } = await poison(fleet, PROXIES, "colder", {
      ...{ poisons: some, perSecond: 50, leaseMs: LEASE_MS },
    })
    expect(requests).toBeGreaterThan(POISONS.length)
    expect({ failed, unseen, coldStatus, recovered }).toEqual({
      failed: 0,
      unseen: [],
      coldStatus: 200,
      recovered: true,
    })
    expect(shownAfterMs).toHaveLength(POISONS.length)
  })
})
