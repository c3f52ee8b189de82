import { symlinkSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { Witness } from "#shared/propagation/convergence.ts"
import type { RelayView } from "#shared/protocol/relay.ts"
import type { IsolateStatus } from "#shared/protocol/route-table.ts"
import { folderOf, type RunOptions, weft } from "#test/support/cli.ts"
import { type FakeControl, fakeNowMs, startFakeControl, TOKEN } from "#test/support/fake-control.ts"

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

const isolate = (name: string, serving: number, atMs = fakeNowMs) => ({ isolate: name, serving, seenAtMs: atMs })

describe("apply", () => {
  it("says what changed and which revision came of it", async () => {
    const ran = await run(["apply", "-f", "-"], { stdin: MESH })
    expect(ran).toEqual({
      exit: 0,
      err: "",
      out: `+ Route default/orders
+ Service default/orders
+ Service default/storefront
revision 1 applied: 3 added
`,
    })
  })

  it("says that nothing changed", async () => {
    await run(["apply", "-f", "-"], { stdin: MESH })
    expect(await run(["apply", "-f", "-"], { stdin: MESH })).toEqual({
      exit: 0,
      err: "",
      out: "nothing changed; head is revision 1\n",
    })
  })

  it("changes nothing in a dry run", async () => {
    const ran = await run(["apply", "-f", "-", "--dry-run"], { stdin: "services: { cart: {} }" })
    expect(ran.out).toBe("+ Service default/cart\ndry run against revision 0: 1 added; nothing was applied\n")
    expect(control.revisions).toEqual([])
  })

  it.each([
    ["after an apply", ["apply", "-f", "-"]],
    ["in a dry run", ["apply", "-f", "-", "--dry-run"]],
  ])("shows what is most likely not meant in its place, %s", async (_, argv) => {
    const hint = "give it a route"
    const finding = { path: "services.storefront", severity: "info", rule: "unused-subset", message: "Unused", hint }
    const answer = { head: 0, changes: [], findings: [finding], revision: 1, digest: "d" }
    control.intercept = () => Response.json(answer)
    const ran = await run(argv, { stdin: MESH })
    expect(ran).toMatchObject({ exit: 0, err: "" })
    expect(ran.out).toContain("<stdin>:2:3  info  services.storefront  Unused\n    give it a route\n")
    const { out } = await run([...argv, "-o", "json"], { stdin: MESH })
    expect(JSON.parse(out).findings).toMatchObject([{ ...finding, source: { file: "-", line: 2, column: 3 } }])
  })

  it("prunes on demand, and sends the message", async () => {
    await run(["apply", "-f", "-"], { stdin: MESH })
    const ran = await run(["apply", "-f", "-", "--prune", "-m", "start over"], { stdin: "services: { cart: {} }" })
    expect(ran.out).toContain("- Route default/orders\n+ Service default/cart\n- Service default/orders\n")
    expect(ran.out).toContain("revision 2 applied: 1 added, 3 removed")
    expect(control.requests.at(-1)?.body).toMatchObject({ prune: true, message: "start over" })
  })

  it("shows every problem at its line, and a number of them at the end", async () => {
    const folder = folderOf({
      "mesh.yaml": "services:\n  cart: {}\nroutes:\n  shop:\n    rules:\n      - match: { path: cart }\n",
    })
    control.problems = () => [
      {
        path: "routes.shop.rules[0].match.path",
        rule: "bad-path",
        message: '"cart" must begin with "/"',
        hint: 'did you mean "/cart"?',
        source: { file: "mesh.yaml" },
      },
      { path: "routes.shop.hosts", rule: "missing-key", message: "A route needs hosts or a service" },
    ]
    const ran = await run(["apply", "-f", "mesh.yaml"], { cwd: folder })
    expect(ran).toEqual({
      exit: 1,
      out: "",
      err: `mesh.yaml:6:24  routes.shop.rules[0].match.path  "cart" must begin with "/"
    did you mean "/cart"?
mesh.yaml:4:3  routes.shop.hosts  A route needs hosts or a service
2 problems; nothing was applied
`,
    })
  })

  it("takes folders in order and leaves other tools' files alone", async () => {
    const folder = folderOf({
      "mesh/b.yaml": "services: { b: {} }",
      "mesh/a.json": '{\n\t"services": { "a": {} }\n}',
      "mesh/deep/c.yml": "services: { c: {} }\n---\nnamespace: team-a\nservices: { d: {} }\n---\n",
      "mesh/package.json": '{ "name": "x" }',
      "mesh/node_modules/x/x.yaml": "services: { no: {} }",
      "mesh/.hidden/x.yaml": "services: { no: {} }",
    })
    const ran = await run(["apply", "-f", "mesh", "-f", "mesh/b.yaml"], { cwd: folder })
    expect(ran.err).toBe("")
    expect((control.requests[0]!.body as { documents: unknown }).documents).toEqual([
      { source: "mesh/a.json", content: { services: { a: {} } } },
      { source: "mesh/b.yaml", content: { services: { b: {} } } },
      { source: "mesh/deep/c.yml", content: { services: { c: {} } } },
      { source: "mesh/deep/c.yml#2", content: { namespace: "team-a", services: { d: {} } } },
    ])
  })

  it("tells of a link that leads in circles as of any file that cannot be read", async () => {
    const folder = folderOf({ "mesh/a.yaml": "services: { a: {} }" })
    symlinkSync("circle.yaml", join(folder, "mesh/circle.yaml"))
    const ran = await run(["apply", "-f", "mesh"], { cwd: folder })
    expect(ran).toEqual({
      exit: 1,
      out: "",
      err: expect.stringContaining("mesh/circle.yaml  it cannot be read: ELOOP"),
    })
  })

  it("reads a weft.config.ts", async () => {
    const folder = folderOf({
      "weft.config.ts": "const name: string = 'cart'\nexport default { services: { [name]: {} } }\n",
    })
    const ran = await run(["apply", "-f", "weft.config.ts"], { cwd: folder })
    expect(ran.out).toContain("+ Service default/cart")
  })

  it.each([
    ["a missing file", ["-f", "nowhere.yaml"], "nowhere.yaml  there is no such file or folder"],
    ["a duplicate key", ["-f", "twice.yaml"], "twice.yaml:3:3  Map keys must be unique"],
    ["an unknown tag", ["-f", "tag.yaml"], "tag.yaml:1:11  Unresolved tag: !secret"],
    ["a folder without documents", ["-f", "empty"], "there is no document in empty"],
    ["a program without a default export", ["-f", "none.config.js"], "none.config.js  it has no default export"],
    ["aliases without end", ["-f", "bomb.yaml"], "bomb.yaml  Excessive alias count"],
  ])("refuses %s before it asks control", async (_, argv, message) => {
    const folder = folderOf({
      "twice.yaml": "services:\n  a: {}\n  a: {}\n",
      "tag.yaml": "services: !secret x\n",
      "empty/readme.md": "",
      "none.config.js": "export const x = 1\n",
      "bomb.yaml": `a: &a [x, x]\n${[..."bcdefgh"].map((c, i) => `${c}: &${c} [${`*${"abcdefg"[i]},`.repeat(9)}]`).join("\n")}\n`,
    })
    const ran = await run(["apply", ...argv], { cwd: folder })
    expect(ran.exit).toBe(1)
    expect(ran.err).toContain(message)
    expect(ran.err).toMatch(/1 problem; nothing was applied\n$/)
    expect(control.requests).toEqual([])
  })

  it("wants to know what to apply", async () => {
    expect(await run(["apply"])).toEqual({ exit: 2, out: "", err: "error: apply what?\n  weft apply -f mesh.yaml\n" })
  })

  it("sends again with the same key when the connection breaks, so that it is done once", async () => {
    let cuts = 0
    control.intercept = () => (cuts++ === 0 ? "drop" : undefined)
    const ran = await run(["apply", "-f", "-"], { stdin: MESH })
    expect(ran.out).toContain("revision 1 applied: 3 added")
    const keys = control.requests.map(({ headers }) => headers.get("idempotency-key"))
    expect(keys).toHaveLength(2)
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/)
    expect(keys[1]).toBe(keys[0])
    expect(control.revisions).toHaveLength(1)
  })

  it("gives up when the connection breaks twice", async () => {
    control.intercept = () => "drop"
    const ran = await run(["apply", "-f", "-"], { stdin: MESH })
    expect(ran.exit).toBe(3)
    expect(control.requests).toHaveLength(2)
  })

  it("gives every apply a key of its own", async () => {
    await run(["apply", "-f", "-"], { stdin: MESH })
    await run(["apply", "-f", "-"], { stdin: "services: { cart: {} }" })
    const [first, second] = control.requests.map(({ headers }) => headers.get("idempotency-key"))
    expect(first).not.toBe(second)
  })
})

describe("--wait", () => {
  it("returns when every live isolate serves the revision, and says how long after the commit that was", async () => {
    control.isolates = [isolate("a", 0), isolate("b", 0), isolate("idle", 0, fakeNowMs - 60_000)]
    const ran = await run(["apply", "-f", "-", "--wait"], {
      stdin: MESH,
      tick(nowMs) {
        control.nowMs = nowMs
        const up = { servingSinceMs: fakeNowMs + 600 }
        const hasCome = nowMs - fakeNowMs >= 750
        control.isolates = [
          { ...isolate("a", 1, nowMs), ...up },
          { ...isolate("b", hasCome ? 1 : 0, nowMs), ...up },
        ]
      },
    })
    expect(ran).toMatchObject({ exit: 0, err: "2 isolates serve revision 1 after 0.6s\n" })
  })

  it("says where it took longest", async () => {
    control.isolates = [{ ...isolate("a", 1), servingSinceMs: fakeNowMs + 100 }]
    control.relays = [relay("apac", 1, [{ ...isolate("b", 1), servingSinceMs: fakeNowMs + 1_900 }])]
    const ran = await run(["apply", "-f", "-", "--wait"], { stdin: MESH })
    expect(ran).toMatchObject({ exit: 0, err: "2 isolates serve revision 1 after 1.9s, in apac last\n" })
  })

  it("does not wait for one that fell silent", async () => {
    control.isolates = [isolate("gone", 0)]
    const tick = (nowMs: number) => {
      control.nowMs = nowMs
    }
    const ran = await run(["apply", "-f", "-", "--wait"], { stdin: MESH, tick })
    expect(ran).toMatchObject({
      exit: 0,
      err: "no proxy isolate is active; each takes up revision 1 with its next request\n",
    })
  })

  it("says at once when no isolate is alive", async () => {
    const ran = await run(["apply", "-f", "-", "--wait", "-o", "json"], { stdin: MESH })
    expect(ran.err).toBe("no proxy isolate is active; each takes up revision 1 with its next request\n")
    expect(JSON.parse(ran.out)).toMatchObject({ head: 0, revision: 1 })
  })

  it("fails when an isolate refuses the revision", async () => {
    control.isolates = [{ ...isolate("a", 0), refused: { revision: 1, reason: "digest differs" } }]
    const ran = await run(["apply", "-f", "-", "--wait"], { stdin: MESH })
    expect(ran.exit).toBe(1)
    expect(ran.err).toContain("error: isolate a refuses revision 1: digest differs\n")
  })

  it.each([
    ["an isolate", () => relay("weur", 1, [isolate("a", 0), isolate("b", 1)]), "1 of 2 isolates not yet at revision 1"],
    ["a relay that has it not", () => relay("weur", 0, []), "the relay of weur does not have revision 1 yet"],
    ["a relay that is down", () => ({ ...relay("oc", 1, []), view: undefined }), "the relay of oc does not answer"],
    [
      "a relay that has just come up",
      () => relay("me#3", 1, [], { watchingSinceMs: fakeNowMs - 100 }),
      "the relay of me was started just now, and may not have heard of all isolates yet",
    ],
  ])("fails when its time is over, and names %s", async (_what, of, text) => {
    control.relays = [of()]
    const ran = await run(["apply", "-f", "-", "--wait", "--timeout", "2s"], { stdin: MESH })
    expect(ran.exit).toBe(1)
    expect(ran.err).toContain(`error: ${text}, after 2.0s\n`)
  })
})

function relay(name: string, revision: number, isolates: IsolateStatus[], more: Partial<RelayView> = {}): Witness {
  const told = { revision, digest: "", atMs: fakeNowMs, sinceMs: fakeNowMs, floorsMissed: 0 }
  const status = { name, acknowledged: revision, acknowledgedAtMs: fakeNowMs, failures: 0 }
  return { status, view: { ...told, isolates, ...more } }
}
