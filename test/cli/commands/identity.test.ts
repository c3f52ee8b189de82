import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { weft } from "#test/support/cli.ts"
import { type FakeControl, fakeNowMs, startFakeControl, TOKEN } from "#test/support/fake-control.ts"

let control: FakeControl
const KEYS = [
  { kid: "old", phase: "signing", createdAtMs: fakeNowMs - 60_000 },
  { kid: "new\u001b[31m", phase: "next", createdAtMs: fakeNowMs - 5_000 },
]

beforeAll(async () => {
  control = await startFakeControl()
})
afterAll(() => control.stop())
beforeEach(() => {
  control.requests.length = 0
  control.intercept = (request) =>
    new URL(request.url).pathname.startsWith("/v1/identity/") ? Response.json({ keys: KEYS }) : undefined
})

const run = (...argv: string[]) => weft(argv, { env: { WEFT_URL: control.url, WEFT_TOKEN: TOKEN } })

describe("weft identity", () => {
  it("lists the keys, and obeys nothing that stands in them", async () => {
    const { exit, out } = await run("identity", "keys")
    expect(exit).toBe(0)
    expect(out.split("\n").map((line) => line.split(/ {2,}/))).toMatchObject([
      ["KEY", "PHASE", "AGE"],
      ["old", "signing", "1m"],
      [expect.not.stringContaining("\u001b"), "next", "5s"],
      [""],
    ])
  })

  it("says so when there are none, and gives data to programs", async () => {
    control.intercept = () => Response.json({ keys: [] })
    expect((await run("identity", "keys")).out).toContain("there are no keys yet")
    expect(JSON.parse((await run("identity", "keys", "-o", "json")).out)).toEqual({ keys: [] })
  })

  it("asks for the next key, and for one to go", async () => {
    await run("identity", "rotate")
    await run("identity", "rotate", "--revoke", "old")
    expect(control.requests.map(({ method, path, body }) => [method, path, body])).toEqual([
      ["POST", "/v1/identity/rotate", {}],
      ["POST", "/v1/identity/rotate", { revoke: "old" }],
    ])
  })
})
