import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type RunOptions, weft } from "#test/support/cli.ts"
import { details, type FakeControl, startFakeControl, TOKEN } from "#test/support/fake-control.ts"

let control: FakeControl
beforeEach(async () => {
  control = await startFakeControl()
})
afterEach(() => control.stop())

const run = (argv: string[], options: RunOptions = {}) =>
  weft(argv, { ...options, env: { WEFT_URL: control.url, WEFT_TOKEN: TOKEN, ...options.env } })

const MESH = `services:
  storefront: {}
  orders: { subsets: { v1: {}, v2: {} } }
routes:
  orders:
    service: orders
    rules:
      - backends:
          - { service: orders, subset: v1, weight: 90 }
          - { service: orders, subset: v2, weight: 10 }
`

describe("rollback", () => {
  beforeEach(async () => {
    for (const name of ["a", "b", "c"]) await run(["apply", "-f", "-"], { stdin: `services: { ${name}: {} }` })
  })

  it("goes back to the revision before head", async () => {
    const ran = await run(["rollback", "-m", "c was wrong"])
    expect(ran).toEqual({ exit: 0, err: "", out: "- Service default/c\nrevision 4 restores revision 2: 1 removed\n" })
    expect(control.revisions.at(-1)).toMatchObject({ rollbackOf: 2, message: "c was wrong" })
  })

  it("goes back to a revision by number, and names the head it saw", async () => {
    const ran = await run(["rollback", "1"])
    expect(ran.out).toContain("revision 4 restores revision 1: 2 removed")
    expect(control.requests.at(-1)?.headers.get("if-match")).toBe('"3"')
  })

  it.each([
    ["a revision that never was", ["9"], 1, "error: There is no revision 9.\n"],
    ["something else than a number", ["last"], 2, 'error: "last" is not a revision\'s number\n'],
  ])("refuses %s", async (_, argv, exit, message) => {
    const ran = await run(["rollback", ...argv])
    expect(ran.exit).toBe(exit)
    expect(ran.err).toContain(message)
  })

  it("has nothing to go back to on a fresh mesh", async () => {
    control.revisions = []
    expect((await run(["rollback"])).err).toContain("the mesh has no revision yet")
    await run(["apply", "-f", "-"], { stdin: "services: { a: {} }" })
    expect((await run(["rollback"])).err).toContain("There is no revision before 1")
  })

  it("says so when somebody else was faster", async () => {
    control.intercept = (request) =>
      request.method === "POST" ? details(412, "The mesh is at revision 4.", { head: 4 }) : undefined
    const ran = await run(["rollback"])
    expect(ran.exit).toBe(1)
    expect(ran.err).toBe(
      "error: The mesh is at revision 4.\n  somebody else changed the mesh meanwhile; look and try again\n",
    )
  })
})

describe("delete", () => {
  beforeEach(() => run(["apply", "-f", "-"], { stdin: "services: { a: {} }\nroutes: { r: { rules: [] } }" }))

  it.each([
    ["route", "r", "- Route default/r\nrevision 2 applied: 1 removed\n"],
    ["services", "default/a", "- Service default/a\nrevision 2 applied: 1 removed\n"],
  ])("removes %s %s", async (kind, name, out) => {
    expect(await run(["delete", kind, name])).toEqual({ exit: 0, err: "", out })
    expect(control.requests.at(-1)?.headers.get("idempotency-key")).toBeTruthy()
  })

  it("says that there is none", async () => {
    const ran = await run(["delete", "route", "r", "-n", "team-a"])
    expect(ran).toMatchObject({ exit: 1, err: "error: There is no Route team-a r.\n" })
  })
})

describe("diff", () => {
  it("shows what an apply would change, and exits 1", async () => {
    await run(["apply", "-f", "-"], { stdin: MESH })
    const changed = MESH.replace("weight: 90", "weight: 50").replace("weight: 10", "weight: 50")
    const ran = await run(["diff", "-f", "-"], { stdin: changed })
    expect(ran).toEqual({
      exit: 1,
      err: "1 changed against revision 1\n",
      out: `~ Route default/orders
      - backends:
          - service: orders
            subset: v1
  -         weight: 90
  +         weight: 50
          - service: orders
            subset: v2
  -         weight: 10
  +         weight: 50
    service: orders
`,
    })
  })

  it("colors for a person", async () => {
    await run(["apply", "-f", "-"], { stdin: "services: { a: {} }" })
    const ran = await run(["diff", "-f", "-"], { stdin: "services: { a: { url: https://a.test } }", terminal: true })
    expect(ran.out).toContain("\u001b[32m  + url: https://a.test\u001b[39m")
    const plain = await run(["diff", "-f", "-"], {
      stdin: "services: { a: { url: https://a.test } }",
      terminal: true,
      env: { NO_COLOR: "1" },
    })
    expect(plain.out).not.toContain("\u001b")
  })

  it("exits 0 without differences", async () => {
    await run(["apply", "-f", "-"], { stdin: MESH })
    expect(await run(["diff", "-f", "-"], { stdin: MESH })).toEqual({
      exit: 0,
      out: "",
      err: "no changes against revision 1\n",
    })
  })

  it("compares two revisions", async () => {
    await run(["apply", "-f", "-"], { stdin: "services: { a: {} }" })
    await run(["apply", "-f", "-"], { stdin: "services: { b: {} }" })
    const ran = await run(["diff", "2", "1"])
    expect(ran).toMatchObject({ exit: 1, out: "- Service default/b\n  - {}\n" })
  })

  it("exits above 1 when it cannot tell", async () => {
    control.problems = () => [{ path: "services", rule: "x", message: "No" }]
    expect((await run(["diff", "-f", "-"], { stdin: "services: {}" })).exit).toBe(2)
    expect((await run(["diff", "1"])).exit).toBe(2)
    expect((await run(["diff", "-f", "-", "--url", "http://127.0.0.1:1"], { stdin: MESH })).exit).toBe(3)
  })
})
