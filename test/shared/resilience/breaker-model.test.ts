/** Explores every state that the breaker can reach within small bounds: what holds in all of them holds for the machine. */
import { describe, expect, it } from "vitest"
import type { BreakerPolicy } from "#shared/model/policy.ts"
import { askLease, type Breaker, closedBreaker, force, record, settleLease } from "#shared/resilience/breaker.ts"
import { tallyOf } from "#shared/resilience/tally.ts"

const POLICY: BreakerPolicy = {
  windowMs: 10,
  volumeMin: 2,
  failureRatio: 0.5,
  coolDownMs: 1,
  coolDownMsMax: 2,
  probes: 2,
  successes: 2,
}
const LEASE_MS = 2

/** The breaker at time 0, with the leases that are somewhere in the world, live or not. */
interface World {
  readonly breaker: Breaker
  readonly out: readonly { readonly id: number; readonly untilMs: number }[]
}

type Step = (world: World) => World | undefined

const pass = (world: World): World => shift(world, 1)
const ask: Step = ({ breaker, out }) => {
  const { breaker: after, lease } = askLease(breaker, POLICY, LEASE_MS, 0)
  return lease && { breaker: after, out: [...out, lease] }
}
const result =
  (failed: boolean): Step =>
  ({ breaker, out }) => ({ breaker: record(breaker, breaker.generation, tallyOf(failed, false), POLICY, 0, 0), out })
const settle =
  (which: number, found: "ok" | "failed" | "unknown"): Step =>
  ({ breaker, out }) => {
    const lease = out[which]
    return (
      lease && { breaker: settleLease(breaker, lease.id, found, POLICY, 0, 0), out: out.filter((one) => one !== lease) }
    )
  }

const STEPS: readonly Step[] = [
  pass,
  ask,
  result(false),
  result(true),
  ({ breaker, out }) => ({ breaker: force(breaker, "open", 2, POLICY, 0), out }),
  ({ breaker, out }) => ({ breaker: force(breaker, "closed", 2, POLICY, 0), out }),
  ...[0, 1, 2].flatMap((which) => (["ok", "failed", "unknown"] as const).map((found) => settle(which, found))),
]

/** Time goes by, seen from a world that always stands at 0. Leases that ran out are kept a while: their results come late. */
function shift({ breaker, out }: World, byMs: number): World {
  const { state } = breaker
  const at = (ms: number) => Math.max(ms - byMs, -LEASE_MS - 1)
  const move = <T extends { readonly untilMs: number }>(one: T): T => ({ ...one, untilMs: at(one.untilMs) })
  const moved =
    state.phase === "open"
      ? move(state)
      : state.phase === "probing"
        ? state
        : {
            ...state,
            sinceMs: at(state.sinceMs),
            heldUntilMs: at(state.heldUntilMs),
            window: { ...state.window, slot: state.window.slot - byMs },
          }
  const leases = breaker.leases.map(move)
  return {
    breaker: { ...breaker, state: moved, leases },
    out: out.map(move).filter(({ untilMs }) => untilMs > -LEASE_MS),
  }
}

/** Numbers that only grow do not make a state another one: ids count from the oldest lease, trips up to where they matter. */
function keyOf({ breaker, out }: World): string {
  const { state, trips, leases, generation } = breaker
  const ids = [...new Set([...out, ...leases].map(({ id }) => id))].sort((a, b) => a - b)
  const name = ({ id, untilMs }: { id: number; untilMs: number }) => [ids.indexOf(id), untilMs]
  const known = leases.map((lease) => [...name(lease), lease.generation === generation])
  const body =
    state.phase === "probing"
      ? [state.successes]
      : state.phase === "open"
        ? [state.untilMs]
        : [
            state.sinceMs,
            state.heldUntilMs,
            Math.min(state.window.slot < -10 ? 0 : state.window.slot, 0),
            state.window.tallies.map(({ total, failed }) => [Math.min(total, 3), Math.min(failed, 3)]),
          ]
  return JSON.stringify([state.phase, body, Math.min(trips, 2), known, out.map(name)])
}

function explore(statesMax: number): World[] {
  const seen = new Map<string, World>()
  const first: World = { breaker: closedBreaker(POLICY, 0), out: [] }
  const queue = [first]
  seen.set(keyOf(first), first)
  for (let head = 0; head < queue.length && seen.size < statesMax; head++) {
    for (const step of STEPS) {
      const next = step(queue[head]!)
      if (!next || next.out.length > 3) continue
      const key = keyOf(next)
      if (seen.has(key)) continue
      seen.set(key, next)
      queue.push(next)
    }
  }
  return queue
}

/** What a world with a healthy service and patience does: it waits, asks, and its probes succeed. */
function closes(world: World): boolean {
  let now: World = { breaker: world.breaker, out: [] }
  for (let round = 0; round < 20; round++) {
    if (now.breaker.state.phase === "closed") return true
    now = pass(now)
    const asked = ask(now) ?? now
    now = asked.out.length > 0 ? settle(0, "ok")(asked)! : asked
  }
  return false
}

describe("in every state that can be reached", () => {
  const worlds = explore(60_000)

  it("there are many, of every phase", () => {
    const phases = new Set(worlds.map(({ breaker }) => breaker.state.phase))
    expect(worlds.length).toBeGreaterThan(5_000)
    expect([...phases].sort()).toEqual(["closed", "open", "probing"])
  })

  it("no more probes are in flight than the policy allows", () => {
    const inFlight = ({ out }: World) => out.filter(({ untilMs }) => untilMs > 0).length
    expect(Math.max(...worlds.map(inFlight))).toBe(POLICY.probes)
  })

  it("the breaker can close", () => {
    expect(worlds.filter((world) => !closes(world))).toEqual([])
  })

  it("nothing but its own leases, results and force moves it", () => {
    const moved = worlds.filter(({ breaker }) => {
      const stranger = settleLease(breaker, 1_000_000, "failed", POLICY, 0, 0)
      const late = record(breaker, breaker.generation - 1, tallyOf(true, false), POLICY, 0, 0)
      return stranger !== breaker || late !== breaker
    })
    expect(moved).toEqual([])
  })
})
