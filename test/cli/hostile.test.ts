/** A control, or somebody who wrote into a mesh, that tries to speak to the terminal of whoever looks. */
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { weft } from "#test/support/cli.ts"
import { details, type FakeControl, fakeNowMs, startFakeControl, TOKEN } from "#test/support/fake-control.ts"

let control: FakeControl
beforeEach(async () => {
  control = await startFakeControl()
})
afterEach(() => control.stop())

const EVIL = "x\u001b[2J\u001b]0;t\u0007\u009b8m\r\n\u2028\u202e\u2066\u007f\u0000\u{e0041}y"
/** What a terminal obeys: everything but ends of lines. */
const OBEYED = /[^\P{Cc}\n]|[\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\u{e0000}-\u{e007f}]/u

const names = { kind: EVIL, namespace: EVIL, name: EVIL }
const problem = { path: EVIL, rule: EVIL, message: EVIL, hint: EVIL, resource: names, source: { file: EVIL, line: 1 } }
const revision = {
  revision: 2,
  digest: EVIL,
  author: EVIL,
  message: EVIL,
  atMs: fakeNowMs,
  added: 1,
  changed: 1,
  removed: 1,
}
const breaker = {
  ...{ cluster: EVIL, generation: 1, phase: "open", restMs: 1, sinceMs: fakeNowMs, cause: "probe" },
  forced: { by: EVIL, phase: "open", untilMs: fakeNowMs + 9_000 },
}
const isolate = {
  ...{ isolate: EVIL, serving: 1, seenAtMs: fakeNowMs, bindings: [EVIL], refused: { revision: 2, reason: EVIL } },
  outliers: [{ cluster: EVIL, endpoint: EVIL, ejected: true, because: EVIL }],
}
const spec = {
  [EVIL]: EVIL,
  url: EVIL,
  hosts: [EVIL],
  rules: [{ backends: [{ service: EVIL, subset: EVIL }] }],
  subsets: { [EVIL]: {} },
}
const applied = {
  head: 1,
  revision: 2,
  digest: EVIL,
  changes: (["add", "change", "remove"] as const).map((action) => ({
    action,
    ...names,
    before: spec,
    after: { [EVIL]: [EVIL] },
  })),
  notes: [{ ...names, path: EVIL, outcome: "invalid", condition: EVIL, reason: EVIL, message: EVIL }],
  findings: [{ ...problem, severity: "warning" }],
}
const considered = { route: EVIL, rule: EVIL, match: EVIL, because: EVIL }
const ANSWERS: Readonly<Record<string, unknown>> = {
  "/v1/status": {
    head: revision,
    services: 1,
    routes: 1,
    isolates: [isolate],
    unbound: [{ service: EVIL, binding: EVIL }],
    breakers: [breaker],
    relays: [{ name: EVIL, revision: 1, failures: 1, silent: true }],
    floorsMissed: 1,
    health: [
      {
        ...{ service: EVIL, checked: 1, silent: false, heardAtMs: 0 },
        unhealthy: [{ cluster: EVIL, endpoint: EVIL, because: EVIL, sinceMs: 0, heeded: true }],
      },
    ],
  },
  "/v1/stats": {
    by: "edge",
    spanMs: 60_000,
    rows: [
      {
        ...{
          from: EVIL,
          to: EVIL,
          subset: EVIL,
          rule: EVIL,
          method: EVIL,
          requests: 1,
          perSecond: 1,
          failed: 0,
          refused: 1,
        },
        ...{ refusals: { [EVIL]: 1 }, attempts: 1, retries: 0 },
      },
    ],
    missing: [EVIL],
  },
  "/v1/revisions": { revisions: [revision] },
  "/v1/resources": {
    revision: 2,
    resources: ["Service", "Route", "Gateway", "HTTPRoute", EVIL].map((kind) => ({ ...names, kind, spec, since: 1 })),
    notes: applied.notes,
  },
  "/v1/diff": applied,
  "/v1/plan": applied,
  "/v1/apply": applied,
  "/v1/rollback": applied,
  "/v1/breakers": { breakers: [breaker], ...breaker },
  "/v1/tokens": {
    tokens: [{ name: EVIL, role: EVIL, namespaces: [EVIL], createdAtMs: 0 }],
    name: EVIL,
    role: EVIL,
    namespaces: [EVIL],
    token: "t",
  },
  "/v1/audit": {
    entries: [
      {
        id: 1,
        atMs: 0,
        who: EVIL,
        operation: EVIL,
        target: EVIL,
        outcome: "done",
        status: 200,
        requestId: EVIL,
        address: EVIL,
        count: 2,
      },
      { id: 2, atMs: 0, who: EVIL, operation: EVIL, outcome: EVIL, requestId: EVIL, address: EVIL, count: 1 },
    ],
  },
  "/v1/explain": {
    revision: 2,
    understood: { method: EVIL, url: EVIL, caller: EVIL, service: EVIL, dropped: [EVIL] },
    place: EVIL,
    winner: considered,
    others: [considered],
    more: 1,
    rateLimits: [EVIL],
    sticky: EVIL,
    branches: [
      {
        ...{
          backend: EVIL,
          share: 1,
          chosen: true,
          steps: [{ filter: EVIL, of: "rule", on: "request", effect: EVIL }],
        },
        sends: { url: EVIL, endpoints: [{ at: EVIL, bound: false }] },
        answer: { status: 200, headers: [{ name: EVIL, value: EVIL }], body: EVIL },
        refusal: { name: EVIL, status: 500, title: EVIL, detail: EVIL },
      },
    ],
    refusal: { name: EVIL, status: 500, title: EVIL, detail: EVIL },
  },
}

const COMMANDS = [
  "status",
  "history",
  "get",
  "get services",
  "get routes",
  "get httproute x",
  "diff 1 2",
  "diff -f -",
  "apply -f -",
  "apply -f - --dry-run",
  "rollback",
  "delete route x",
  "check",
  "explain https://shop.example/",
  "breaker list",
  "breaker open x",
  "token list",
  "token create x",
  "audit",
  "service list",
  "stat",
  "edges",
  "graph",
].map((line) => line.split(" "))

const run = (argv: readonly string[], terminal = false) =>
  weft(argv, { stdin: "services: { a: {} }", terminal, env: { WEFT_URL: control.url, WEFT_TOKEN: TOKEN } })

/** Without the colors and progress lines that are our own. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const withoutOwn = (text: string) => text.replace(/\u001b\[(1|2|22|39|31|32|33|36)m|\r?\u001b\[K/g, "")

describe("what others wrote", () => {
  it.each(
    COMMANDS.flatMap((argv) => ["table", "json", "yaml"].map((format) => [argv.join(" "), format, argv] as const)),
  )("cannot speak to the terminal: %s, as %s", async (_, format, argv) => {
    control.intercept = (request) => {
      const { pathname } = new URL(request.url)
      const answer = ANSWERS[pathname] ?? (pathname.startsWith("/v1/resources/") ? applied : undefined)
      return answer === undefined ? undefined : Response.json(answer)
    }
    const { out, err, exit } = await run(format === "table" ? argv : [...argv, "-o", format])
    expect(out + err).not.toMatch(OBEYED)
    expect([0, 1, 2]).toContain(exit)
    // It is told, not swallowed.
    if (argv[0] !== "breaker" || format === "table") expect(out + err).toMatch(/\\u001b|\\e|\\x1B/)
    const colored = await run(format === "table" ? argv : [...argv, "-o", format], true)
    expect(withoutOwn(colored.out + colored.err)).not.toMatch(OBEYED)
  })

  it.each([400, 401, 403, 404, 409, 412, 422, 428, 429, 500])("cannot speak in a refusal: %i", async (status) => {
    const removals = [{ kind: EVIL, removed: 1, of: 1, names: [EVIL] }]
    control.intercept = () =>
      details(status, EVIL, { title: EVIL, problems: [problem], confirm: { word: "w", removals } })
    for (const argv of COMMANDS) {
      const { out, err } = await run(argv)
      expect(out + err).not.toMatch(OBEYED)
    }
  })
})
