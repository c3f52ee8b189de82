import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { folderOf, weft } from "#test/support/cli.ts"
import { type FakeControl, startFakeControl, TOKEN } from "#test/support/fake-control.ts"

const MESH = `services:
  storefront: {}
  orders: { subsets: { v1: {}, v2: {} } }
routes:
  shop:
    hosts: [shop.test]
    rules:
      - name: canary
        match: { path: /orders, headers: { x-canary: always } }
        backends: [{ service: orders, subset: v2 }]
      - name: orders
        match: { path: /orders }
        filters: [{ requestHeaders: { set: { x-a: b } } }]
        backends:
          - { service: orders, subset: v1, weight: 9 }
          - { service: orders, subset: v2, weight: 1, filters: [{ responseHeaders: { set: { x-side: b } } }] }
        timeout: 2s
        retry: { attempts: 2 }
      - { name: old, match: { path: /old }, filters: [{ redirect: { path: { prefix: /orders } } }] }
  orders:
    service: orders
    rules: [{ match: { rpc: "get*" }, backends: [{ service: orders, subset: v1 }] }]
`

const offline = (...argv: string[]) => weft(["explain", ...argv, "-f", "-"], { stdin: MESH })

describe("explain with documents", () => {
  it("tells the whole story", async () => {
    const ran = await offline("http://shop.test/orders/7", "-X", "POST", "-H", "x-canary: never", "-H", "weft-from: me")
    expect(ran).toEqual({
      exit: 0,
      err: "",
      out: `by        the documents
request   POST http://shop.test/orders/7
without   weft-from: not taken from a sender
enters    gateway default/default, listener default, hostname "shop.test"
rule      default/shop/orders  path prefix "/orders"
          all its conditions hold, and it comes first of those that do
filters   requestHeaders: sets x-a: b
90 %      default/orders/v1
          as http://shop.test/orders/7
          at binding ORDERS_V1
10 %      default/orders/v2
          responseHeaders: sets x-side: b (response)
          as http://shop.test/orders/7
          at binding ORDERS_V2
timeouts  2000 ms in all
retry     none: POST may act twice, and the rule does not say "unsafe"

not taken, nearest first:
  default/shop/canary  path prefix "/orders", header x-canary exact "always"
    the header x-canary is "never", and must be "always"
  default/shop/old  path prefix "/old"
    the path is "/orders/7", and must be "/old" or below it
`,
    })
  })

  it.each<[string, string[], string]>([
    ["an answer", ["shop.test/old/1"], "answer   302\n         location: http://shop.test/orders/1\n"],
    [
      "a refusal",
      ["shop.test/a%2fb"],
      "refused  400 bad_request  The request could not be brought into canonical form\n",
    ],
    ["a host that nobody has", ["other.test"], "refused  404 route_not_found  No route takes this request\n"],
    ["a header", ["shop.test/orders", "-H", "x-canary:always"], "default/shop/canary"],
    ["the dice", ["shop.test/orders", "--dice", "0.95"], "default/orders/v2  <- this request\n"],
    [
      "a call",
      ["--from", "storefront", "--to", "orders", "--rpc", "getOrder"],
      "request  RPC getOrder from default/storefront to default/orders\n",
    ],
  ])("tells of %s", async (_, argv, line) => {
    const ran = await offline(...argv)
    expect(ran).toMatchObject({ exit: 0, err: "" })
    expect(ran.out).toContain(line)
  })

  it("gives what the API gives as JSON", async () => {
    const { out } = await offline("shop.test/orders", "-H", "x-empty;", "-o", "json")
    expect(JSON.parse(out)).toMatchObject({ revision: 0, winner: { rule: "default/shop/orders" } })
  })

  it("shows the documents' problems instead", async () => {
    const ran = await weft(["explain", "shop.test", "-f", "-"], { stdin: "services: { a: { bindng: A } }" })
    expect(ran).toMatchObject({ exit: 1, out: "" })
    expect(ran.err).toContain("<stdin>:1:")
    expect(ran.err).toMatch(/1 problem; nothing was explained\n$/)
  })

  it.each<[string, string[], string]>([
    ["no request", [], "explain which request?"],
    ["a header without a colon", ["shop.test", "-H", "x canary"], "a header is 'name: value'"],
    ["dice of one", ["shop.test", "--dice", "1"], "--dice is from 0 to below 1, not 1"],
    ["a nameless caller", ["--to", "orders", "--rpc", "get"], "who calls?"],
    ["two ways in", ["shop.test", "--gateway", "a", "--from", "b"], "--gateway excludes"],
    ["two meshes", ["shop.test", "--revision", "3"], "--revision and --file exclude each other"],
  ])("refuses %s", async (_, argv, message) => {
    const ran = await offline(...argv)
    expect(ran).toMatchObject({ exit: 2, out: "" })
    expect(ran.err).toContain(message)
  })

  it("lets nothing that others wrote move the cursor", async () => {
    const folder = folderOf({ "a.yaml": MESH.replace("x-a: b", '"x-a": "b"') })
    const ran = await weft(["explain", "shop.test/\u001b[2J", "-f", "a.yaml"], { cwd: folder })
    expect(ran.out).not.toContain("\u001b")
  })

  it("tells who is known to ask, and what somebody has to bring", async () => {
    const run = (...argv: string[]) =>
      weft(["explain", "http://shop.test/orders", ...argv, "-f", "-"], { stdin: MESH + PEOPLE })
    const nobody = await run()
    expect(nobody.out).toContain("passes at gateway default/default: nobody is asking, which is allowed")
    expect(nobody.out).toContain(
      "takes tokens of https://idp.test: header authorization (Bearer); API keys: header x-api-key",
    )
    const stranger = await run("--principal", "https://elsewhere.test/eve")
    expect(stranger.out).toContain("stopped at gateway default/default: it takes no token of https://elsewhere.test")
    expect(stranger.out).toContain("401 unauthenticated")
    const plain = await weft(["explain", "http://shop.test/orders", "--principal", "i/s", "-f", "-"], { stdin: MESH })
    expect(plain.out).toContain("nothing on its way takes a token: who the end user is stays unknown")
  })

  it("tells what access policies say of somebody with claims, a key and an address", async () => {
    const policies = `policies:
  staff:
    gateways: [default]
    rules:
      - from: [{ principals: ["https://idp.test/*"], claims: { groups: [b], realm.level: ["3"] }, ipBlocks: [10.0.0.0/8] }]
      - from: [{ keyOwners: [partner], keyScopes: [read] }]
${PEOPLE}`
    const run = (...argv: string[]) =>
      weft(["explain", "http://shop.test/orders", ...argv, "-f", "-"], { stdin: MESH + policies })
    const denied = await run()
    expect(denied.out).toContain("denied at gateway default/default: default/staff does not allow it")
    expect(denied.out).toContain("403 forbidden")
    const claims = ["--claim", "groups=a", "--claim", "groups=b", "--claim", "realm.level=3", "--address", "10.1.2.3"]
    const allowed = await run("--principal", "https://idp.test/alice", ...claims)
    expect(allowed.out).toContain("allowed at gateway default/default: default/staff/0 allows it")
    const byKey = await run("--key-owner", "partner", "--key-scope", "read")
    expect(byKey.out).toContain("default/staff/1 allows it")
    for (const wrong of [
      ["--principal", "alice"],
      ["--claim", "groups"],
      ["--claim", "a[=b"],
    ]) {
      expect((await run(...wrong)).exit).toBe(2)
    }
  })
})

const PEOPLE = `authentication:
  people:
    gateways: [default]
    required: false
    jwt: [{ issuer: "https://idp.test", jwks: "https://idp.test/jwks" }]
    keys: {}
`

describe("explain with control", () => {
  let control: FakeControl
  const run = (...argv: string[]) => weft(argv, { env: { WEFT_URL: control.url, WEFT_TOKEN: TOKEN }, stdin: MESH })

  beforeAll(async () => {
    control = await startFakeControl()
  })
  afterAll(() => control.stop())
  beforeEach(async () => {
    control.revisions = []
    await run("apply", "-f", "-")
  })

  it("asks by the head, or by a revision", async () => {
    const ran = await run("explain", "http://shop.test/orders", "-XPOST", "-H", "A: b", "--dice", "0.25")
    expect(ran.out).toMatch(/^by +revision 1\n/)
    expect(control.requests.at(-1)).toMatchObject({
      path: "/v1/explain",
      body: {
        request: { url: "http://shop.test/orders", method: "POST", headers: [{ name: "A", value: "b" }], dice: 0.25 },
      },
    })
    await run("explain", "shop.test", "--revision", "1")
    expect(control.requests.at(-1)?.body).toEqual({ request: { url: "shop.test" }, revision: 1 })
  })
})
