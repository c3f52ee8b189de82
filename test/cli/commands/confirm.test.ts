import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type RunOptions, weft } from "#test/support/cli.ts"
import { details, type FakeControl, fakeNowMs, startFakeControl, TOKEN } from "#test/support/fake-control.ts"

let control: FakeControl
beforeEach(async () => {
  control = await startFakeControl()
  await run(["apply", "-f", "-"], { stdin: "services: { a: {}, b: {}, c: {} }" })
  await run(["apply", "-f", "-"], { stdin: "services: { d: {} }" })
  control.requests.length = 0
  const removals = [{ kind: "Service", removed: 3, of: 4, names: ["default/a", "default/b"] }]
  const confirm = { word: "7f3a", removals }
  control.intercept = (request) => {
    if (request.method === "GET" || request.headers.get("weft-confirm") === "7f3a") return undefined
    return details(428, "This removes 3 of 4 of the kind Service.", { confirm })
  }
})
afterEach(() => control.stop())

const run = (argv: string[], options: RunOptions = {}) =>
  weft(argv, { ...options, env: { WEFT_URL: control.url, WEFT_TOKEN: TOKEN } })
const words = () => control.requests.map(({ headers }) => headers.get("weft-confirm"))
const GOING = "- 3 of 4 of the kind Service: default/a, default/b, and 1 more\n"

describe("a change that takes much away", () => {
  const PRUNE = ["apply", "-f", "-", "--prune"]
  const stdin = "services: { c: {} }"

  it("is not made while nobody is there to ask", async () => {
    const err = `${GOING}error: This removes 3 of 4 of the kind Service.\n  look at it, then give the command again with --confirm\n`
    expect(await run(PRUNE, { stdin })).toEqual({ exit: 1, out: "", err })
    expect(control.revisions).toHaveLength(2)
  })

  it("is made when it was said beforehand, with a key for each step", async () => {
    const ran = await run([...PRUNE, "--confirm"], { stdin })
    expect(ran).toMatchObject({ exit: 0, err: GOING, out: expect.stringContaining("revision 3 applied: 3 removed") })
    expect(words()).toEqual([null, "7f3a"])
    expect(new Set(control.requests.map(({ headers }) => headers.get("idempotency-key"))).size).toBe(2)
  })

  it.each([["--confirm"], ["y"]])("is waited for as any other once it is confirmed, by %s", async (how) => {
    control.isolates = [{ isolate: "a", serving: 2, seenAtMs: fakeNowMs }]
    const ran = await run([...PRUNE, "--wait", ...(how === "--confirm" ? [how] : [])], {
      ...{ stdin, answer: how },
      tick(nowMs) {
        control.nowMs = nowMs
        const serving = nowMs - fakeNowMs >= 500 ? 3 : 2
        control.isolates = [{ isolate: "a", serving, servingSinceMs: fakeNowMs + 500, seenAtMs: nowMs }]
      },
    })
    expect(ran).toMatchObject({ exit: 0, out: expect.stringContaining("revision 3 applied: 3 removed") })
    expect(ran.err).toContain("1 isolate serves revision 3 after ")
  })

  it.each([
    ["y", 3],
    [" Yes ", 3],
    ["n", 2],
    ["", 2],
    ["yesterday", 2],
  ])("is made when a person says yes, not by %j", async (answer, revisions) => {
    const ran = await run(PRUNE, { stdin, answer })
    expect(ran.err).toContain(`${GOING}Go on? [y/N] `)
    expect(ran.exit).toBe(revisions === 3 ? 0 : 1)
    if (revisions === 2) expect(ran.err).toContain("error: not confirmed\n")
    expect(control.revisions).toHaveLength(revisions)
  })

  it.each([
    ["rollback", ["rollback", "1"]],
    ["delete", ["delete", "service", "a"]],
  ])("%s asks as well", async (_, argv) => {
    expect((await run(argv)).exit).toBe(1)
    expect((await run([...argv, "--confirm"])).exit).toBe(0)
  })

  it("is not made when it is another change by then", async () => {
    control.intercept = (request) =>
      request.method === "GET" ? undefined : details(428, "Not this.", { confirm: { word: "other", removals: [] } })
    expect((await run([...PRUNE, "--confirm"], { stdin })).err).toContain("error: Not this.\n")
    expect(control.revisions).toHaveLength(2)
  })
})

describe("too many requests", () => {
  it("are waited out, as long as control says", async () => {
    let refusals = 2
    control.intercept = () => {
      if (refusals-- <= 0) return undefined
      const headers = { "retry-after": "7", "content-type": "application/problem+json" }
      return new Response(JSON.stringify({ title: "No", status: 429 }), { status: 429, headers })
    }
    let nowMs = 0
    const tick = (ms: number) => {
      nowMs = ms
    }
    const ran = await run(["apply", "-f", "-"], { stdin: "services: { z: {} }", tick })
    expect(ran.exit).toBe(0)
    expect(nowMs - fakeNowMs).toBe(14_000)
    expect(new Set(control.requests.map(({ headers }) => headers.get("idempotency-key"))).size).toBe(1)
  })

  it("are given up on in the end", async () => {
    control.intercept = () => details(429, "This token makes too many requests.")
    const ran = await run(["status"])
    expect(ran).toMatchObject({ exit: 4, err: expect.stringContaining("error: This token makes too many requests.") })
    expect(control.requests).toHaveLength(4)
  })
})

describe("audit", () => {
  it("lists who did what, and asks for what one looks for", async () => {
    control.intercept = () => undefined
    const entry = { requestId: "r", address: "203.0.113.9", count: 1 }
    control.audit = [
      {
        ...{
          ...entry,
          address: "mesh",
          id: 5,
          atMs: fakeNowMs - 2_000,
          who: "guard",
          onBehalfOf: "ci",
          reason: "failed",
        },
        ...{ operation: "undo", target: "revision 7", outcome: "done", revision: 8 },
      },
      {
        ...{ ...entry, id: 4, atMs: fakeNowMs - 90_000, lastAtMs: fakeNowMs - 3_000, who: "ci", shown: 12 },
        ...{ operation: "GET /v1/tap", target: "tap of everything for 300 s", outcome: "done", status: 101 },
      },
      {
        ...entry,
        id: 3,
        atMs: fakeNowMs - 600_000,
        lastAtMs: fakeNowMs - 5_000,
        who: "nobody",
        operation: "authenticate",
        outcome: "denied",
        status: 401,
        count: 17,
      },
      {
        ...entry,
        id: 2,
        atMs: fakeNowMs - 60_000,
        who: "ci",
        operation: "POST /v1/apply",
        outcome: "done",
        status: 200,
        revision: 7,
      },
      {
        ...entry,
        id: 1,
        atMs: fakeNowMs - 60_000,
        who: "root",
        operation: "POST /v1/tokens",
        target: "token ci",
        outcome: "unknown",
      },
    ]
    const ran = await run([
      "audit",
      "--since",
      "1h",
      "--who",
      "ci",
      "--operation",
      "POST /v1/apply",
      "--outcome",
      "done",
    ])
    expect(ran).toEqual({
      exit: 0,
      err: "",
      out: `ID  AGE  WHO           OUTCOME            OPERATION        TARGET                       REVISION  ADDRESS
5   2s   guard for ci  done               undo (failed)    revision 7                   8         mesh
4   3s   ci            done 101 12 shown  GET /v1/tap      tap of everything for 300 s            203.0.113.9
3   5s   nobody        denied 401 x17     authenticate                                            203.0.113.9
2   1m   ci            done 200           POST /v1/apply                                7         203.0.113.9
1   1m   root          unknown            POST /v1/tokens  token ci                               203.0.113.9
`,
    })
    const url = new URL(control.requests.at(-1)!.path, control.url)
    expect(Object.fromEntries(url.searchParams)).toEqual({
      ...{ limit: "50", who: "ci", operation: "POST /v1/apply", outcome: "done" },
      since: String(fakeNowMs - 3_600_000),
    })
    expect((await run(["audit", "--limit", "5"])).err).toBe("there may be more: weft audit --before 1\n")
    control.audit = []
    expect(await run(["audit"])).toEqual({ exit: 0, out: "", err: "there is none\n" })
    expect((await run(["audit", "--limit", "0"])).exit).toBe(2)
    expect((await run(["audit", "--outcome", "maybe"])).exit).toBe(2)
  })
})
