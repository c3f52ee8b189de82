import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { DEFAULT_ROLLOUT } from "#shared/model/rollout.ts"
import type { RolloutStatus } from "#shared/protocol/control-api.ts"
import type { FateChange, Preview } from "#shared/protocol/preview.ts"
import { type RunOptions, weft } from "#test/support/cli.ts"
import { details, type FakeControl, fakeNowMs, startFakeControl, TOKEN } from "#test/support/fake-control.ts"

let control: FakeControl
let rollout: RolloutStatus | undefined
beforeEach(async () => {
  control = await startFakeControl()
  rollout = undefined
  control.intercept = (request) => {
    const { pathname } = new URL(request.url)
    return pathname === "/v1/rollout" ? Response.json(rollout ? { rollout } : {}) : undefined
  }
})
afterEach(() => control.stop())

const run = (argv: string[], options: RunOptions = {}) =>
  weft(argv, { ...options, env: { WEFT_URL: control.url, WEFT_TOKEN: TOKEN, ...options.env } })
const MESH = { stdin: "services: { orders: {} }" }

function running(more: Partial<RolloutStatus> = {}): RolloutStatus {
  return {
    ...{ revision: 1, stable: 1, phase: "running", stage: 0, share: 1, policy: DEFAULT_ROLLOUT },
    ...{ startedAtMs: fakeNowMs - 20_000, stageSinceMs: fakeNowMs - 20_000, endsByMs: fakeNowMs + 600_000 },
    ...more,
  }
}

describe("apply --guard", () => {
  it.each([
    [[], {}],
    [
      ["--stages", "1,10%,50", "--hold", "5m", "--requests", "3", "--patience", "1h", "--too-few", "advance"],
      { stages: [1, 10, 50], holdSeconds: 300, requests: 3, patienceSeconds: 3600, tooFew: "advance" },
    ],
  ])("asks for a guard with %j", async (options, guard) => {
    expect((await run(["apply", "-f", "-", "--guard", ...options], MESH)).exit).toBe(0)
    expect(control.requests.at(-1)?.body).toMatchObject({ guard })
  })

  it.each([
    [["--guard", "--stages", "10,1"], '"10,1" are no stages'],
    [["--guard", "--stages", "many"], '"many" are no stages'],
    [["--guard", "--stages", "0,200"], '"0,200" are no stages'],
    [["--stages", "1"], "--stages needs --guard"],
    [["--hold", "5s"], "--hold needs --guard"],
    [["--too-few", "advance"], "--too-few needs --guard"],
    [["--patience", "5s"], "--patience needs --guard"],
  ])("refuses %j before anything is sent", async (options, message) => {
    const ran = await run(["apply", "-f", "-", ...options], MESH)
    expect(ran.exit).toBe(2)
    expect(ran.err).toContain(message)
    expect(control.requests).toEqual([])
  })

  it("with --wait follows it to its end, and says by its exit code how that was", async () => {
    const guarded = (request: Request) =>
      new URL(request.url).pathname === "/v1/apply"
        ? Response.json({
            ...{ head: 1, revision: 2, digest: "", guarded: true },
            changes: [{ action: "change", kind: "Route", namespace: "default", name: "orders" }],
          })
        : undefined
    const intercept = control.intercept
    control.intercept = (request) => guarded(request) ?? intercept(request)
    rollout = running({ revision: 2 })
    const tick = (nowMs: number) => {
      if (nowMs - fakeNowMs >= 3_000) {
        rollout = running({ revision: 2, phase: "undone", undoneBy: 3, reason: "more requests fail" })
      }
    }
    const ran = await run(["apply", "-f", "-", "--guard", "--wait"], { ...MESH, tick })
    expect(ran.exit).toBe(1)
    expect(ran.out).toContain("it goes out under guard")
    expect(ran.err).toContain("revision 2 is undone by revision 3: more requests fail\n")
  })
})

describe("rollout", () => {
  it("shows what is under way, how the last one ended, or that there was none", async () => {
    expect((await run(["rollout", "show"])).out).toContain("nothing was ever applied under guard")
    rollout = running({ seen: { requests: 31, failed: 2 } })
    expect((await run(["rollout", "show"])).out).toBe(
      "revision 1 under guard: 1 % of chains, stage 1 of 2 for 20.0s of 60.0s; 31 requests by it, 2 failed\n",
    )
    const waiting = { stageSinceMs: fakeNowMs - 90_000, seen: { requests: 7, failed: 0 } }
    rollout = running(waiting)
    expect((await run(["rollout", "show"])).out).toContain("waits for 20, and is undone in 210.0s\n")
    rollout = running({ ...waiting, policy: { ...DEFAULT_ROLLOUT, tooFew: "advance" } })
    expect((await run(["rollout", "show"])).out).toContain("waits for 20, and goes on without in 210.0s\n")
    rollout = running({ blindSinceMs: fakeNowMs - 5_000 })
    expect((await run(["rollout", "show"])).out).toContain("telemetry has not answered for 5s")
    rollout = running({ phase: "promoted", reason: "50 requests went by it, 0 failed" })
    expect((await run(["rollout", "show"])).out).toBe("revision 1 is promoted: 50 requests went by it, 0 failed\n")
    expect(JSON.parse((await run(["rollout", "show", "-o", "json"])).out)).toEqual({ rollout })
  })

  it.each(["promote", "undo"])("%s ends it, with a reason", async (action) => {
    rollout = running({ phase: "undone", reason: "by ada" })
    expect((await run(["rollout", action, "-m", "because"])).exit).toBe(0)
    expect(control.requests.at(-1)?.body).toEqual({ action, message: "because" })
    control.intercept = () => details(404, "Nothing is under guard.")
    expect(await run(["rollout", action])).toMatchObject({
      exit: 1,
      err: expect.stringContaining("Nothing is under guard."),
    })
  })
})

describe("rollback --now", () => {
  it("is one request, without a look at the head", async () => {
    for (const name of ["a", "b"]) await run(["apply", "-f", "-"], { stdin: `services: { ${name}: {} }` })
    const before = control.requests.length
    expect((await run(["rollback", "--now"])).exit).toBe(0)
    expect(control.requests.slice(before).map(({ path, body }) => [path, body])).toEqual([
      ["/v1/rollback", { to: "previous", force: true, message: "break glass" }],
    ])
    expect(control.requests.at(-1)?.headers.get("if-match")).toBeNull()
  })
})

describe("apply --preview", () => {
  const found = (blast: Partial<Preview["blast"]>, missing: string[] = []): Preview => ({
    ...{ head: 3, changes: [], missing },
    blast: { samples: 40, requests: 1_200, sinceMs: fakeNowMs - 60_000, share: 0, changes: [], more: 0, ...blast },
  })
  const previewing = async (answer: Preview, ...more: string[]) => {
    control.intercept = () => Response.json(answer)
    return run(["apply", "-f", "-", "--preview", ...more], MESH)
  }

  it("says which share of whose requests would fare otherwise, and how, with examples", async () => {
    const example = {
      request: "GET https://shop.test/old",
      before: "default/orders",
      after: "refused: route_not_found",
    }
    const change = {
      ...{ kind: "refusal" as const, caller: "public at default/default", share: 0.052 },
      ...{ before: "default/orders", after: "refused: route_not_found", examples: [example] },
    } satisfies FateChange
    const ran = await previewing(found({ share: 0.052, changes: [change] }))
    expect(ran.out).toBe(
      [
        "5.2 % would fare otherwise: 40 sampled requests of the last 1m, which stand for 1200",
        "  5.2 %  refusal  from public at default/default: default/orders -> refused: route_not_found",
        "           GET https://shop.test/old: default/orders -> refused: route_not_found",
        "preview against revision 3; nothing was applied",
        "",
      ].join("\n"),
    )
    expect(control.requests.map(({ path }) => path)).toEqual(["/v1/preview"])
    expect(JSON.parse((await previewing(found({ share: 0.5 }), "-o", "json")).out)).toEqual(found({ share: 0.5 }))
  })

  it("does not take silence for safety", async () => {
    const blind = (await previewing(found({ unjudged: ["users", "limits", "moods" as never] }))).out
    expect(blind).toContain("not judged: rules about end users, claims, keys or addresses. Samples have none")
    expect(blind).toContain("not judged: how many requests the other limits, breakers or timeouts will end")
    expect(blind).toContain("not judged: moods\n")
    expect((await previewing(found({}))).out).toContain("none would fare otherwise")
    const ran = await previewing(found({ samples: 0, requests: 0 }, ["weur"]))
    expect(ran.out).toContain("no requests were seen lately: nothing can be said")
    expect(ran.out).toContain("telemetry of weur does not answer")
  })
})
