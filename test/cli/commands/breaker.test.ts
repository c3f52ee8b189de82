import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { weft } from "#test/support/cli.ts"
import { type FakeControl, fakeNowMs, startFakeControl, TOKEN } from "#test/support/fake-control.ts"

let control: FakeControl

beforeAll(async () => {
  control = await startFakeControl()
})
afterAll(() => control.stop())
beforeEach(() => {
  control.breakers = []
  control.requests.length = 0
})

const run = (...argv: string[]) => weft(argv, { env: { WEFT_URL: control.url, WEFT_TOKEN: TOKEN } })

const OPEN = {
  cluster: "default/payments",
  generation: 4,
  phase: "open",
  restMs: 3_500,
  cause: "failures",
  sinceMs: fakeNowMs - 12_000,
} as const

describe("weft breaker list", () => {
  it("says so when nothing is open", async () => {
    expect(await run("breaker", "list")).toMatchObject({ exit: 0, out: "every breaker is closed\n" })
  })

  it("says what is open, for how long and why", async () => {
    const forced = { by: "ada", phase: "open", untilMs: fakeNowMs + 60_000 } as const
    control.breakers = [
      OPEN,
      { ...OPEN, cluster: "default/orders/v2", phase: "probing", restMs: 0, cause: "probe" },
      { ...OPEN, cluster: "default/stock", restMs: 60_000, cause: "forced", forced },
    ]
    const { out } = await run("breaker", "list")
    expect(out.split("\n").map((line) => line.replace(/ {2,}/, " | "))).toEqual([
      "SERVICE | BREAKER",
      "default/payments | open for 12s, 4s of rest left, too many attempts failed",
      "default/orders/v2 | probing for 12s, a probe failed",
      "default/stock | open for 12s, 1m of rest left, forced open by ada",
      "",
    ])
  })

  it("stands in the status too, when there is something to say", async () => {
    expect((await run("status")).out).not.toContain("BREAKER")
    control.breakers = [OPEN]
    expect((await run("status")).out).toContain("default/payments  open for 12s, 4s of rest left")
  })
})

describe("weft breaker open and close", () => {
  const asked = () => control.requests.at(-1)?.body

  it("force a service for ten minutes", async () => {
    const { exit, out } = await run("breaker", "open", "payments")
    expect([exit, out]).toEqual([0, "default/payments  open for 0s, 10m of rest left, forced open by root\n"])
    expect(asked()).toEqual({ namespace: "default", service: "payments", phase: "open", forSeconds: 600 })
  })

  it("force a subset of another namespace for as long as is said", async () => {
    await run("breaker", "close", "orders/v2", "--for", "90s", "-n", "team-a")
    expect(asked()).toEqual({ namespace: "team-a", service: "orders", subset: "v2", phase: "closed", forSeconds: 90 })
  })
})
