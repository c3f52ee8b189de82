import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import { BOUND_MS, convergence, HEALED_BOUND_MS, type Witness } from "#shared/propagation/convergence.ts"
import type { RelayView } from "#shared/protocol/relay.ts"
import type { IsolateStatus } from "#shared/protocol/route-table.ts"

const NOW = 1_000_000
const SLEEP_MS = LIMITS.snapshotLeaseMs * LIMITS.snapshotSleepLeases
const REVISION = { revision: 5, atMs: NOW - 2_000 }

const isolate = (serving: number, more: Partial<IsolateStatus> = {}): IsolateStatus => ({
  ...{ isolate: `i${Math.random()}`, serving, seenAtMs: NOW, servingSinceMs: NOW - 500, ...more },
})
const relay = (
  name: string,
  revision: number,
  isolates: IsolateStatus[] = [],
  more: Partial<RelayView> = {},
): Witness => ({
  status: { name, acknowledged: revision, acknowledgedAtMs: NOW, failures: 0 },
  view: { ...{ revision, digest: "", atMs: NOW, sinceMs: NOW - 1_000, floorsMissed: 0 }, isolates, ...more },
})
const stateOf = (...witnesses: Witness[]) => convergence(REVISION, witnesses).state

describe("a revision", () => {
  it.each<[string, Witness, "done" | "waiting" | "refused"]>([
    ["where nobody is", relay("weur", 5), "done"],
    ["where all serve it, or a later one", relay("weur", 6, [isolate(5), isolate(6)]), "done"],
    ["that a relay does not have", relay("weur", 4), "waiting"],
    ["that an isolate does not serve", relay("weur", 5, [isolate(5), isolate(4)]), "waiting"],
    ["that only silent ones do not serve", relay("weur", 5, [isolate(4, { seenAtMs: NOW - SLEEP_MS - 1 })]), "done"],
    [
      "that one may not serve yet that was heard of",
      relay("weur", 5, [isolate(4, { seenAtMs: NOW - SLEEP_MS })]),
      "waiting",
    ],
    [
      "of one whose lease is long",
      relay("weur", 5, [isolate(4, { seenAtMs: NOW - 20_000, leaseMs: 10_000 })]),
      "waiting",
    ],
    ["that is refused", relay("weur", 5, [isolate(4, { refused: { revision: 5, reason: "no" } })]), "refused"],
    ["before one that is refused", relay("weur", 5, [isolate(5, { refused: { revision: 6, reason: "no" } })]), "done"],
    ["where the relay does not answer", { ...relay("weur", 5), view: undefined }, "waiting"],
    ["where the relay has just come up", relay("weur", 5, [], { watchingSinceMs: NOW - SLEEP_MS }), "waiting"],
    ["where it came up a while ago", relay("weur", 5, [], { watchingSinceMs: NOW - SLEEP_MS - 1 }), "done"],
  ])("%s", (_what, witness, state) => {
    expect(stateOf(witness)).toBe(state)
    expect(stateOf(witness, relay("oc", 5, [isolate(5)]))).toBe(state)
  })

  it("is told of by region, and was done when the last was", () => {
    const last = isolate(5, { servingSinceMs: NOW - 100 })
    const { regions, ...whole } = convergence(REVISION, [
      relay("weur", 5, [isolate(5)]),
      relay("weur#1", 5, [isolate(5), last]),
      relay("any", 5),
    ])
    expect(whole).toMatchObject({
      state: "done",
      isolates: 3,
      serving: 3,
      doneAtMs: NOW - 100,
      committedAtMs: NOW - 2_000,
    })
    expect(regions).toEqual([
      {
        region: "weur",
        relays: 2,
        acknowledged: 2,
        silent: 0,
        unsure: 0,
        isolates: 3,
        serving: 3,
        doneAtMs: NOW - 100,
      },
      {
        region: "any",
        relays: 1,
        acknowledged: 1,
        silent: 0,
        unsure: 0,
        isolates: 0,
        serving: 0,
        doneAtMs: NOW - 1_000,
      },
    ])
  })

  it("is told of where it is not: how many, and since when the one was heard of that is heard of least", () => {
    const behind = [isolate(4, { seenAtMs: NOW - 300 }), isolate(3, { seenAtMs: NOW - 900 }), isolate(5)]
    const { regions } = convergence(REVISION, [relay("sam", 4, behind), { ...relay("sam#1", 4), view: undefined }])
    expect(regions).toEqual([
      {
        ...{ region: "sam", relays: 2, acknowledged: 0, silent: 1, unsure: 0, isolates: 3, serving: 1 },
        oldestLeaseMs: 900,
      },
    ])
  })

  it("is on its way for no longer than a push, a lease and a pull", () => {
    expect(BOUND_MS).toBe(3_000)
    expect(HEALED_BOUND_MS).toBeGreaterThan(BOUND_MS)
  })
})
