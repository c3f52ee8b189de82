import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { parse } from "yaml"
import { VERSION } from "#shared/std/version.ts"
import { type RunOptions, weft } from "#test/support/cli.ts"
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
  mail: { url: https://mail.test }
  orders: { subsets: { v1: {}, v2: {} } }
gateways:
  public: { listeners: [{ name: http }, { name: tls, protocol: https }] }
routes:
  shop: { hosts: [shop.test, "*.shop.test"], rules: [{ backends: [{ service: storefront }] }] }
  orders:
    service: orders
    rules: [{ backends: [{ service: orders, subset: v1 }, { service: orders, subset: v2 }] }, { match: { path: /mail }, backends: [{ service: mail }] }]
`

describe("get", () => {
  beforeEach(() => run(["apply", "-f", "-"], { stdin: MESH }))

  it.each([
    [
      ["get", "services"],
      `NAMESPACE  NAME        DESTINATION        SUBSETS  SINCE
default    mail        https://mail.test           1
default    orders      binding            v1, v2   1
default    storefront  binding                     1
`,
    ],
    [
      ["get", "route"],
      `NAMESPACE  NAME    FOR                     RULES  TO                              SINCE
default    orders  service orders          2      orders:v1, orders:v2, mail      1
default    shop    shop.test, *.shop.test  1      storefront                      1
`,
    ],
    [["get", "gateways"], "NAMESPACE  NAME    LISTENERS    SINCE\ndefault    public  http, tls  1\n"],
    [
      ["get", "route", "shop"],
      `# revision 1; since revision 1
routes:
  shop:
    hosts:
      - shop.test
      - "*.shop.test"
    rules:
      - backends:
          - service: storefront
`,
    ],
  ])("%j", async (argv, out) => {
    const squeezed = (text: string) => text.replace(/ {2,}/g, "  ")
    const ran = await run(argv)
    expect({ ...ran, out: squeezed(ran.out) }).toEqual({ exit: 0, err: "", out: squeezed(out) })
  })

  it("shows what policies do, and where", async () => {
    const policies = `policies:
  closed: { mesh: true, default: deny }
  asked: { action: deny, rules: [{ to: [{ methods: [DELETE] }] }] }
  tried: { services: [orders], gateways: [default], dryRun: true, rules: [{ from: [{ services: [storefront] }] }] }
`
    expect(await run(["apply", "-f", "-"], { stdin: MESH + policies })).toMatchObject({ exit: 0 })
    expect((await run(["get", "policies"])).out.split("\n").map((line) => line.trimEnd())).toEqual([
      "NAMESPACE  NAME    ACTION           COVERS                           RULES  SINCE",
      "default    asked   deny             its namespace                    1      2",
      "default    closed  default deny     the mesh                         0      2",
      "default    tried   allow (dry run)  service orders, gateway default  1      2",
      "",
    ])
    expect((await run(["get", "policy", "closed"])).out).toContain("policies:\n  closed:\n    mesh: true\n")
  })

  it("lists all kinds without one", async () => {
    const ran = await run(["get"])
    expect(ran.out.split("\n")[0]).toBe("KIND     NAMESPACE  NAME        SINCE")
    expect(ran.out).toContain("Gateway  default    public      1\n")
  })

  it.each([
    [["service", "mail"]],
    [["Services", "mail"]],
    [["service/mail"]],
    [["SVC/mail"]],
    [["services/default/mail"]],
    [["service", "default/mail"]],
    [["service/mail", "-n", "default"]],
  ])("shows the one that is named by %j", async (named) => {
    const ran = await run(["get", ...named])
    expect(ran).toMatchObject({ exit: 0, err: "" })
    expect(ran.out).toContain("services:\n  mail:\n    url: https://mail.test\n")
  })

  it("lists all for those who say so", async () => {
    expect((await run(["get", "all"])).out).toBe((await run(["get"])).out)
  })

  it("says what is missing", async () => {
    const missing = {
      exit: 1,
      err: "error: there is no Route default/nope in revision 1\n  `weft get Route` lists what there is\n",
    }
    expect(await run(["get", "route", "nope"])).toMatchObject(missing)
    expect(await run(["get", "routes/nope"])).toMatchObject(missing)
    expect(await run(["get", "routes", "-n", "team-a"])).toEqual({ exit: 0, out: "", err: "there is none\n" })
  })

  it.each([
    [["get", "routez"], 'there is no kind "routez"\n  did you mean "route"? kinds: AccessPolicy, Authentication, '],
    [["get", "routez/shop"], 'there is no kind "routez"'],
    [["delete", "banana", "x"], 'there is no kind "banana"\n  kinds: AccessPolicy, '],
    [
      ["get", "route/shop", "orders"],
      '"route/shop" names one already, and "orders" would be another\n  one at a time: route/<name>',
    ],
    [["get", "route/"], '"" is no name\n  route/<name>, or route/<namespace>/<name>\n'],
    [["get", "route", "a/b/c"], '"a/b/c" is no name'],
    [["get", "route//shop"], '"/shop" is no name'],
    [["delete", "route"], "which Route?\n  weft delete route/<name>\n"],
    [["delete", "all"], "delete takes one resource, not all\n"],
  ])("says how to name one after %j", async (argv, text) => {
    const ran = await run(argv)
    expect(ran).toMatchObject({ exit: 2, out: "", err: expect.stringContaining(`error: ${text}`) })
  })

  it("gives what the API gives as JSON and YAML", async () => {
    const json = JSON.parse((await run(["get", "service", "mail", "-o", "json"])).out)
    expect(json).toEqual({
      revision: 1,
      resources: [
        { kind: "Service", namespace: "default", name: "mail", spec: { url: "https://mail.test" }, since: 1 },
      ],
    })
    expect(parse((await run(["get", "service", "mail", "-o", "yaml"])).out)).toEqual(json)
  })

  it("looks at an old revision", async () => {
    await run(["apply", "-f", "-"], { stdin: "services: { late: {} }" })
    expect((await run(["get", "services", "--revision", "1"])).out).not.toContain("late")
    expect((await run(["get", "services"])).out).toContain("late")
  })
})

describe("history", () => {
  it("lists revisions, newest first", async () => {
    control.revisions = [
      { revision: 1, atMs: fakeNowMs - 2 * 86_400_000, message: "first", added: 3, changed: 0, removed: 0 },
      {
        revision: 2,
        atMs: fakeNowMs - 3 * 60_000,
        message: "bad\u001b[2Jline\nbreak",
        added: 0,
        changed: 1,
        removed: 0,
      },
      { revision: 3, atMs: fakeNowMs - 4_000, message: "", rollbackOf: 1, added: 0, changed: 1, removed: 2 },
    ].map((revision) => ({ ...revision, digest: "d", author: "root", resources: [] }))
    expect(await run(["history"])).toEqual({
      exit: 0,
      err: "",
      out: `REVISION  AGE  AUTHOR  CHANGES   MESSAGE
3         4s   root    +0 ~1 -2  restores 1
2         3m   root    +0 ~1 -0  bad\\u001b[2Jline break
1         2d   root    +3 ~0 -0  first
`,
    })
    expect((await run(["history", "--limit", "1"])).out).not.toContain("first")
  })

  it("says that there is none yet", async () => {
    expect((await run(["history"])).out).toContain("no revision yet")
    expect((await run(["history", "--limit", "0"])).exit).toBe(2)
  })
})

describe("status and check", () => {
  beforeEach(async () => {
    await run(["apply", "-f", "-", "-m", "first"], { stdin: MESH })
    control.revisions = control.revisions.map((revision) => ({ ...revision, atMs: fakeNowMs - 60_000 }))
  })

  it("is calm when all is well", async () => {
    control.isolates = [{ isolate: "i1", serving: 1, seenAtMs: fakeNowMs - 1_500, bindings: ["ORDERS"] }]
    expect(await run(["status"])).toEqual({
      exit: 0,
      err: "",
      out: `head      revision 1, 1m ago by root: first
mesh      3 services, 2 routes
isolates  1 of 1 at head

ISOLATE  SERVES  SEEN  STATE
i1       1       1s    current
`,
    })
    expect(await run(["check"])).toEqual({
      exit: 0,
      err: "",
      out: `control
  ✓ control answers in 0ms
  ✓ control is version ${VERSION}, as this command
  ✓ 2 of 2 objects answer, the slowest (telemetry weur) in 7ms

routes
  ✓ the head is revision 1, 1m ago by root
  ✓ 1 of 1 isolates serve it; the one heard of longest ago asked 1s ago

services
  ✓ 3 services are bound, no breaker is open, no endpoint unhealthy or ejected

telemetry
  ! 1 isolate ask for routes, and none reports what it counts
      give the proxy the binding TELEMETRY, as in this repository's wrangler.toml, and deploy it

credentials
  ✓ nothing is over within two weeks

alerts
  - no objectives: nobody hears when the mesh does badly (docs/how-to/alerts.md)

no problems in 3 services, 2 routes; 1 isolate, 1 warning
`,
    })
  })

  it("names what is wrong", async () => {
    control.unbound = [{ service: "default/orders", binding: "ORDERS" }]
    control.isolates = [
      { isolate: "ok", serving: 1, seenAtMs: fakeNowMs },
      { isolate: "old", serving: 0, seenAtMs: fakeNowMs },
      { isolate: "no", serving: 0, seenAtMs: fakeNowMs, refused: { revision: 1, reason: "format 2" } },
      { isolate: "idle", serving: 0, seenAtMs: fakeNowMs - 30_000 },
    ]
    const { out } = await run(["status"])
    expect(out).toContain("isolates  1 of 4 at head\nunbound   default/orders needs the binding ORDERS on the proxy\n")
    expect(out).toContain("no       0       0s    refuses 1: format 2\n")
    expect(out).toContain("old      0       0s    behind\n")
    const checked = await run(["check"])
    expect(checked.exit).toBe(1)
    expect(checked.out).toContain(`routes
  ✗ isolates.old  serves revision 0; head is 1
      weft status says whether its relay has it; if it stays behind, deploy the proxy anew
  ✗ isolates.no  refuses revision 1 and serves 0: format 2
      deploy the newest proxy, or go back: weft rollback
`)
    expect(checked.out).toContain(`services
  ✗ services.default/orders  no proxy has the binding ORDERS
      weft service add orders --worker <worker>, then weft deploy
`)
    expect(checked.out).toMatch(/\n3 problems, 1 warning\n$/)
    expect(JSON.parse((await run(["check", "-o", "json"])).out).problems).toHaveLength(3)
  })

  it("tells which endpoints are outliers, by whose judgement, and why", async () => {
    const of = (endpoint: string, ejected: boolean, because: string) => ({
      cluster: "default/orders",
      endpoint,
      ejected,
      because,
    })
    control.isolates = [
      { isolate: "i1", serving: 1, seenAtMs: fakeNowMs, outliers: [of("ORDERS_A", true, "consecutive_5xx")] },
      {
        isolate: "i2",
        serving: 1,
        seenAtMs: fakeNowMs,
        outliers: [
          of("ORDERS_A", true, "success_rate"),
          of("ORDERS_B", false, "consecutive_5xx, which is not enforced"),
        ],
      },
      { isolate: "i3", serving: 1, seenAtMs: fakeNowMs },
    ]
    const { out } = await run(["status"])
    expect(out).toContain(`SERVICE         ENDPOINT  OUTLIER
default/orders  ORDERS_A  ejected by 2 of 3: consecutive_5xx; success_rate
default/orders  ORDERS_B  suspected by 1 of 3: consecutive_5xx, which is not enforced
`)
  })

  it("tells which endpoints fail their checks, and which checks nobody has heard of", async () => {
    const of = (endpoint: string, heeded: boolean) =>
      ({ cluster: "default/orders", endpoint, because: "status 503", sinceMs: fakeNowMs - 12_000, heeded }) as const
    control.health = [
      { service: "default/a", checked: 2, silent: false, heardAtMs: fakeNowMs, unhealthy: [] },
      {
        service: "default/orders",
        checked: 3,
        silent: false,
        unhealthy: [of("ORDERS_A", true), of("ORDERS_B", false)],
      },
      { service: "default/new", checked: 1, silent: true, unhealthy: [] },
      { service: "default/old", checked: 1, silent: true, heardAtMs: fakeNowMs - 300_000, unhealthy: [] },
    ]
    const { out } = await run(["status"])
    expect(out).toContain("health    4 services checked, 2 endpoints unhealthy, 2 not heard of\n")
    expect(out).toContain(`SERVICE         ENDPOINT  HEALTH
default/orders  ORDERS_A  unhealthy for 12s: status 503
default/orders  ORDERS_B  unhealthy for 12s: status 503; not heeded, too few would be left
default/new               no check has been made yet: nothing is left out
default/old               no word for 5m: nothing is left out
`)
    control.health = control.health.slice(0, 1)
    const well = (await run(["status"])).out
    expect(well).toContain("health    1 service checked, all healthy\n")
    expect(well).not.toContain("HEALTH")
  })

  it("tells which relays have the head, and which do not", async () => {
    const relay = (name: string, revision: number) => ({
      status: { name, acknowledged: revision, acknowledgedAtMs: 0, failures: 0 },
      view: { revision, digest: "", atMs: 0, sinceMs: 0, isolates: [], floorsMissed: 0 },
    })
    control.relays = [relay("weur", 1), relay("oc", 1)]
    expect((await run(["status"])).out).toContain("relays    2 of 2 at head\n")
    control.relays = [relay("weur", 0), relay("oc", 1), { ...relay("me", 1), view: undefined }]
    expect((await run(["status"])).out).toContain("relays    1 of 3 at head: weur has revision 0, me does not answer\n")
  })

  it("does not say that there are no isolates when those who would know are silent", async () => {
    control.isolates = []
    control.relays = [{ status: { name: "me", acknowledged: 1, acknowledgedAtMs: 0, failures: 0 }, view: undefined }]
    expect((await run(["status"])).out).toContain("isolates  none known: who knows of them does not answer\n")
    control.isolates = [{ isolate: "i", serving: 1, seenAtMs: fakeNowMs }]
    expect((await run(["status"])).out).toContain("1 of 1 at head; there may be more: who knows of them does not")
  })

  it("speaks of an empty mesh", async () => {
    control.revisions = []
    const { out } = await run(["status"])
    expect(out).toContain("head      no revision yet")
    expect(out).toContain("isolates  none in the last minute")
  })

  it("lists services with their bindings", async () => {
    expect((await run(["service", "list"])).out).toContain("unknown")
    control.isolates = [{ isolate: "i", serving: 1, seenAtMs: fakeNowMs, bindings: ["STOREFRONT"] }]
    control.unbound = [{ service: "default/orders", binding: "ORDERS_V2" }]
    expect((await run(["service", "list"])).out).toBe(
      `NAMESPACE  NAME        DESTINATION        SUBSETS  BINDINGS
default    mail        https://mail.test           bound
default    orders      binding            v1, v2   missing ORDERS_V2
default    storefront  binding                     bound
`,
    )
  })
})

describe("check -f", () => {
  it("compiles offline and shows all problems in place", async () => {
    const stdin = `services:
  orders: {}
routes:
  shop:
    hosts: [shop.test]
    rules:
      - match: { path: cart }
  shop2:
    hosts: [shop.test]
    rules:
      - backends: [{ service: ordrs }]
`
    const ran = await weft(["check", "-f", "-"], { stdin })
    expect(ran).toMatchObject({ exit: 1, err: "" })
    expect(ran.out).toContain('<stdin>:7:24  routes.shop.rules[0].match.path  "cart" must begin with "/"\n')
    expect(ran.out).toContain("<stdin>:11:31  routes.shop2.rules[0].backends[0].service  ")
    expect(ran.out).toMatch(/\n2 problems\n$/)
    expect(control.requests).toEqual([])
  })

  it("is content with a good document", async () => {
    const ran = await weft(["check", "-f", "-"], { stdin: MESH })
    expect(ran).toEqual({ exit: 0, err: "", out: "no problems in 6 resources\n" })
  })
})

describe("check, of what is not wrong and yet most likely not meant", () => {
  const TWICE = `services:
  storefront: {}
routes:
  shop:
    hosts: [shop.test]
    rules:
      - backends: [{ service: storefront }]
      - backends: [{ service: storefront }]
`
  const advice = `routes.shop.rules[1]  No request comes to this rule: default/shop/0 takes all of them first (by written order)
    remove one of both, or give this one a further condition
`

  it("shows it in its place, and is content", async () => {
    const ran = await weft(["check", "-f", "-"], { stdin: TWICE })
    expect(ran).toEqual({
      exit: 0,
      err: "",
      out: `<stdin>:8:9  warning  ${advice}no problems in 2 resources, 1 finding\n`,
    })
    const { out } = await weft(["check", "-f", "-", "-o", "json"], { stdin: TWICE })
    expect(JSON.parse(out)).toMatchObject({
      problems: [],
      findings: [{ severity: "warning", rule: "unreachable-rule" }],
    })
  })

  it("finds it in the running mesh, with what only that can tell", async () => {
    await run(["apply", "-f", "-"], { stdin: TWICE })
    control.unbound = [{ service: "default/storefront", binding: "STOREFRONT" }]
    const ran = await run(["check"])
    expect(ran.exit).toBe(1)
    expect(ran.out).toContain(`warning  ${advice}`)
    expect(ran.out).toContain(
      "warning  routes.shop.rules[0].backends[0]  Requests to default/storefront are answered 503",
    )
    expect(ran.out).toMatch(/\n1 problem, 3 findings\n$/)
  })
})

describe("key", () => {
  it("creates: standard output is the key alone", async () => {
    const argv = ["key", "create", "acme", "--owner", "Acme Inc.", "--scope", "read", "write", "--expires", "30d"]
    expect(await run(argv)).toEqual({
      exit: 0,
      out: "key-of-acme\n",
      err: "key acme of Acme Inc., good for 30d; it is shown only now\n",
    })
    expect(control.requests[0]?.body).toEqual({
      ...{ id: "acme", owner: "Acme Inc.", scopes: ["read", "write"], expiresInSeconds: 30 * 86_400 },
    })
  })

  it("lists and revokes", async () => {
    await run(["key", "create", "acme", "--scope", "read", "--expires", "90m"])
    expect((await run(["key", "list"])).out).toBe(
      `ID    OWNER  SCOPES  AGE  EXPIRES  LAST USED
acme  acme   read    0s   in 90m   never
`,
    )
    expect((await run(["key", "revoke", "acme"])).out).toBe("key acme is revoked\n")
    expect(await run(["key", "revoke", "acme"])).toMatchObject({
      exit: 1,
      err: "error: There is no key acme.\n  `weft key list` lists them, `weft key revoke <id>` ends one\n",
    })
    await run(["key", "create", "acme"])
    expect((await run(["key", "create", "acme"])).exit).toBe(1)
  })
})

describe("token", () => {
  it("creates: standard output is the token alone", async () => {
    expect(await run(["token", "create", "ci", "--role", "operator", "--expires", "30d"])).toEqual({
      exit: 0,
      out: "secret-of-ci\n",
      err: "token ci (operator), good for 30d; it is shown only now\n",
    })
    expect(control.requests[0]?.body).toEqual({ name: "ci", role: "operator", expiresInSeconds: 30 * 86_400 })
  })

  it("creates with an end, unless somebody says never, and for namespaces", async () => {
    expect((await run(["token", "create", "a"])).err).toContain("token a (viewer), good for 90d;")
    expect((await run(["token", "create", "b", "--expires", "never"])).err).toContain(
      "token b (viewer), good for ever;",
    )
    const limited = await run(["token", "create", "c", "--namespaces", "team-a,team-b", "team-c"])
    expect(limited.err).toContain("token c (viewer, team-a and team-b and team-c only), good for 90d;")
    expect(control.requests.at(-1)?.body).toMatchObject({ namespaces: ["team-a", "team-b", "team-c"] })
    expect((await run(["token", "list"])).out).toMatch(/^c +viewer +team-a, team-b, team-c +0s/m)
    expect((await run(["token", "create", "d", "--expires", "forever"])).exit).toBe(2)
  })

  it("lists and revokes", async () => {
    await run(["token", "create", "ci", "--expires", "90m"])
    expect((await run(["token", "list"])).out).toBe(
      `NAME  ROLE    NAMESPACES  AGE  EXPIRES  LAST USED
root  admin   all         3d   never    never
ci    viewer  all         0s   in 90m   never
`,
    )
    expect((await run(["token", "revoke", "ci"])).out).toBe("token ci is revoked\n")
    expect(await run(["token", "revoke", "ci"])).toMatchObject({
      exit: 1,
      err: "error: There is no token ci.\n  `weft token list` lists them, `weft token revoke <name>` ends one\n",
    })
    expect((await run(["token", "create", "root"])).exit).toBe(1)
  })
})

describe("check", () => {
  it.each([
    [["-f", "mesh.yaml", "--services", "x"], "--services is of no use with --file"],
    [["--config", "x"], "--config is of no use without --services"],
  ])("says so when %j cannot be meant together", async (argv, text) => {
    const ran = await run(["check", ...argv])
    expect(ran).toMatchObject({ exit: 2, out: "", err: expect.stringContaining(`error: ${text}\n`) })
  })
})
