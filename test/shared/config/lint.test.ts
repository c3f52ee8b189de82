/** Each lint has a case that it speaks of, and a near miss that it must be silent about. */
import { describe, expect, it } from "vitest"
import { compile } from "#shared/config/compile.ts"
import { type LintInput, lint, newFindings } from "#shared/config/lint.ts"
import type { MeshDocument, RouteDocument, RuleDocument } from "#shared/model/document.ts"
import type { Finding } from "#shared/model/problem.ts"
import type { Rule } from "#shared/model/route.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"

const TO_A = [{ service: "a" }]
const TO_B = [{ service: "b" }]

function compiled(document: MeshDocument): { resources: LintInput["resources"]; snapshot: Snapshot } {
  const result = compile([], { documents: [{ source: "test", content: document }], prune: true, revision: 1 })
  if ("problems" in result) throw new Error(JSON.stringify(result.problems, null, 2))
  return result
}

function findings(document: MeshDocument, more: Partial<LintInput> = {}): Finding[] {
  return lint({ ...compiled(document), ...more })
}

/** A mesh in which everything is used, but for what the routes do with it. */
function meshOf(routes: Record<string, RouteDocument>, more: Partial<MeshDocument> = {}): MeshDocument {
  const used: RouteDocument = { services: ["a", "b"], rules: [{ backends: [...TO_A, ...TO_B] }] }
  return { services: { a: {}, b: {} }, ...more, routes: { ...routes, used } }
}

const one = (rules: RuleDocument[], order?: "listed"): MeshDocument =>
  meshOf({ r: { hosts: ["r.test"], rules, ...(order && { order }) } })

const found = (document: MeshDocument, more?: Partial<LintInput>) =>
  findings(document, more).map(({ severity, rule, path }) => `${severity} ${rule} ${path}`)

type Case = readonly [what: string, fires: MeshDocument, finding: string, silent: MeshDocument]

const REACH: readonly Case[] = [
  [
    "an earlier rule takes all, where rules are listed",
    one(
      [{ match: { path: "/a" }, backends: TO_A }, { match: { path: "/a/b", method: "GET" }, backends: TO_B }, rest()],
      "listed",
    ),
    "warning unreachable-rule routes.r.rules[1]",
    one([{ match: { path: "/a" }, backends: TO_A }, { match: { path: "/ab" }, backends: TO_B }, rest()], "listed"),
  ],
  [
    "a rule after the one that takes everything, where rules are listed",
    one([rest(), { match: { rpc: "get" }, backends: TO_B }], "listed"),
    "warning unreachable-rule routes.r.rules[1]",
    one([{ match: { method: "GET" }, backends: TO_A }, { match: { rpc: "get" }, backends: TO_B }, rest()], "listed"),
  ],
  [
    "the same match in an older route",
    meshOf({
      r: { hosts: ["r.test"], rules: [{ match: { path: "/a" }, backends: TO_A }, rest()] },
      s: { hosts: ["r.test"], rules: [{ match: { path: "/a" }, backends: TO_B }] },
    }),
    "warning unreachable-rule routes.s.rules[0]",
    meshOf({
      r: { hosts: ["r.test"], rules: [{ match: { path: "/a" }, backends: TO_A }, rest()] },
      s: { hosts: ["r.test", "s.test"], rules: [{ match: { path: "/a" }, backends: TO_B }, rest("a", "/b")] },
    }),
  ],
  [
    "a template below a prefix, which ranks before it",
    one([
      { match: { path: "/users" }, backends: TO_A },
      { match: { path: { template: "/users/{id}" } }, backends: TO_B },
      rest(),
    ]),
    "warning unreachable-rule routes.r.rules[1]",
    one([
      { match: { path: "/users", method: "GET" }, backends: TO_A },
      { match: { path: { template: "/users/{id}" } }, backends: TO_B },
      rest(),
    ]),
  ],
  [
    "an expression below a prefix",
    one([
      { match: { path: "/users" }, backends: TO_A },
      { match: { path: { regex: "/users/[0-9]+" } }, backends: TO_B },
      rest(),
    ]),
    "warning unreachable-rule routes.r.rules[1]",
    one([
      { match: { path: "/users" }, backends: TO_A },
      { match: { path: { regex: "/users?/[0-9]+" } }, backends: TO_B },
      rest(),
    ]),
  ],
  [
    "one of a rule's matches",
    one([{ matches: [{ path: "/a" }, { path: { template: "/a/{x}" } }], backends: TO_A }, rest()]),
    "info shadowed-match routes.r.rules[0].matches[1]",
    one([{ matches: [{ path: "/a" }, { path: { template: "/b/{x}" } }], backends: TO_A }, rest()]),
  ],
  [
    "a smaller share of what an earlier rule takes",
    one(
      [
        { match: { percent: 20 }, backends: TO_A },
        { match: { percent: 10, headers: { h: "1" } }, backends: TO_B },
        rest(),
      ],
      "listed",
    ),
    "warning unreachable-rule routes.r.rules[1]",
    one(
      [
        { match: { percent: 20 }, backends: TO_A },
        { match: { percent: 30, headers: { h: "1" } }, backends: TO_B },
        rest(),
      ],
      "listed",
    ),
  ],
  [
    "a stricter header after a laxer one",
    one(
      [
        { match: { headers: { h: { prefix: "a" } } }, backends: TO_A },
        { match: { headers: { h: "abc" } }, backends: TO_B },
        rest(),
      ],
      "listed",
    ),
    "warning unreachable-rule routes.r.rules[1]",
    one(
      [
        { match: { headers: { h: { not: "x" } } }, backends: TO_A },
        { match: { headers: { h: "abc" } }, backends: TO_B },
        rest(),
      ],
      "listed",
    ),
  ],
]

const HOSTS: readonly Case[] = [
  [
    "two lists for one host",
    meshOf({
      r: { hosts: ["r.test"], order: "listed", rules: [{ match: { path: "/a" }, backends: TO_A }] },
      s: { hosts: ["r.test"], order: "listed", rules: [rest()] },
    }),
    "warning shared-list routes.s",
    meshOf({
      r: { hosts: ["r.test"], rules: [{ match: { path: "/a" }, backends: TO_A }] },
      s: { hosts: ["r.test"], rules: [rest()] },
    }),
  ],
  [
    "a wildcard that does not show through",
    meshOf({
      r: { hosts: ["x.r.test"], rules: [{ match: { path: "/a" }, backends: TO_A }] },
      s: { hosts: ["*.r.test"], rules: [rest()] },
    }),
    "info hidden-wildcard routes.r.hosts",
    meshOf({
      r: { hosts: ["x.r.test"], rules: [{ match: { path: "/a" }, backends: TO_A }, rest()] },
      s: { hosts: ["*.r.test"], rules: [{ match: { path: "/b" }, backends: TO_A }, rest()] },
      t: { hosts: ["r.test"], rules: [{ match: { path: "/a" }, backends: TO_A }] },
    }),
  ],
]

const RULES: readonly Case[] = [
  [
    "a backend without any share",
    one([{ backends: [{ service: "a" }, { service: "b", weight: 0 }] }]),
    "info zero-weight routes.r.rules[0].backends[1]",
    one([{ backends: [{ service: "a" }, { service: "b", weight: 0 }], sticky: { session: { cookie: "c" } } }]),
  ],
  [
    "a retry of what is answered here",
    one([{ filters: [{ respond: { status: 200 } }], retry: { attempts: 1 } }]),
    "warning retry-without-effect routes.r.rules[0].retry",
    one([{ backends: TO_A, retry: { attempts: 1 } }]),
  ],
  [
    "a retry of requests that may act twice",
    one([{ match: { method: "POST" }, backends: TO_A, retry: { attempts: 1 } }, rest()]),
    "warning retry-never-repeats routes.r.rules[0].retry",
    one([{ match: { method: "POST" }, backends: TO_A, retry: { attempts: 1, unsafe: true } }, rest()]),
  ],
  [
    "a retry of RPC calls alone",
    one([{ match: { rpc: "put" }, backends: TO_A, retry: { attempts: 1 } }, rest()]),
    "warning retry-never-repeats routes.r.rules[0].retry",
    one([{ matches: [{ rpc: "put" }, { path: "/put" }], backends: TO_A, retry: { attempts: 1 } }, rest()]),
  ],
  [
    "a mirror to the backend itself",
    one([{ backends: TO_A, filters: [{ mirror: { service: "a" } }] }]),
    "warning mirror-to-itself routes.r.rules[0].filters[0]",
    one([{ backends: TO_A, filters: [{ mirror: { service: "b" } }] }]),
  ],
  [
    "a header that the mesh drops",
    one([{ match: { headers: { "X-Forwarded_Proto": "https" } }, backends: TO_A }, rest()]),
    "warning header-never-arrives routes.r.rules[0].match.headers.x-forwarded_proto",
    meshOf({
      r: { service: "a", rules: [{ match: { headers: { "x-forwarded-proto": "https" } }, backends: TO_A }, rest()] },
    }),
  ],
  [
    "a header of one connection",
    meshOf({
      r: { service: "a", rules: [{ match: { headers: { "keep-alive": { present: true } } }, backends: TO_A }, rest()] },
    }),
    "warning header-never-arrives routes.r.rules[0].match.headers.keep-alive",
    meshOf({
      r: { service: "a", rules: [{ match: { headers: { "x-keep": { present: true } } }, backends: TO_A }, rest()] },
    }),
  ],
  [
    "a host that is matched as a header",
    one([{ matches: [{ headers: { Host: "R.test:80" } }], backends: TO_A }, rest()]),
    "warning host-as-header routes.r.rules[0].matches[0].headers.host",
    one([{ matches: [{ headers: { "x-host": "R.test:80" } }], backends: TO_A }, rest()]),
  ],
  [
    "an expression that a template says",
    one([{ match: { path: { regex: "^/users/[^/]+/orders$" } }, backends: TO_A }, rest()]),
    "info needless-regex routes.r.rules[0].match.path",
    one([{ match: { path: { regex: "/users/[0-9]+/orders" } }, backends: TO_A }, rest()]),
  ],
  [
    "an expression that a prefix says",
    one([{ match: { headers: { h: { regex: "beta-.*" } } }, backends: TO_A }, rest()]),
    "info needless-regex routes.r.rules[0].match.headers.h",
    one([{ match: { headers: { h: { regex: "beta-.+" } } }, backends: TO_A }, rest()]),
  ],
]

const PUBLIC = {
  public: {
    listeners: [
      { name: "http", protocol: "http" as const },
      { name: "https", protocol: "https" as const },
    ],
  },
}
const SECURE: RuleDocument = { filters: [{ redirect: { scheme: "https" } }] }

const REDIRECTS: readonly Case[] = [
  [
    "a redirect to https where https comes to the same rule",
    one([SECURE]),
    "warning redirect-loop routes.r.rules[0].filters[0]",
    meshOf(
      {
        r: { hosts: ["r.test"], gateways: ["public#http"], rules: [SECURE] },
        s: { hosts: ["r.test"], gateways: ["public#https"], rules: [rest()] },
      },
      { gateways: PUBLIC },
    ),
  ],
  [
    "two redirects to each other",
    one([moved("/a", "/b"), moved("/b", "/a"), rest()]),
    "warning redirect-loop routes.r.rules[0].filters[0]",
    one([moved("/a", "/b"), moved("/b", "/c"), rest()]),
  ],
  [
    "a redirect below itself",
    one([
      { match: { path: "/a", headers: { h: "1" } }, filters: [{ redirect: { path: { prefix: "/a/b" } } }] },
      rest(),
    ]),
    "warning redirect-loop routes.r.rules[0].filters[0]",
    one([{ match: { path: { exact: "/a" } }, filters: [{ redirect: { path: "/a/b" } }] }, rest()]),
  ],
]

const USE: readonly Case[] = [
  [
    "a route that nobody comes to",
    meshOf({ r: { rules: [rest()] } }),
    "warning unattached-route routes.r",
    meshOf({ r: { rules: [rest()] }, s: { hosts: ["s.test"], rules: [{ delegate: "r" }] } }),
  ],
  [
    "a subset that gets nothing",
    meshOf({}, { services: { a: { subsets: { v2: {} } }, b: {} } }),
    "info unused-subset services.a.subsets.v2",
    meshOf(
      { r: { hosts: ["r.test"], rules: [{ backends: TO_B, filters: [{ mirror: { service: "a", subset: "v2" } }] }] } },
      { services: { a: { subsets: { v2: {} } }, b: {} } },
    ),
  ],
  [
    "checks that can keep nothing out",
    meshOf({}, { services: { a: { health: { path: "/" } }, b: {} } }),
    "info health-without-choice services.a.health",
    meshOf({}, { services: { a: { health: { path: "/", panicPercent: 0 } }, b: {} } }),
  ],
]

function rest(service = "a", path?: string): RuleDocument {
  return { ...(path !== undefined && { match: { path } }), backends: [{ service }] }
}

function moved(from: string, to: string): RuleDocument {
  return { match: { path: from }, filters: [{ redirect: { path: { prefix: to } } }] }
}

describe("a finding", () => {
  it.each([...REACH, ...HOSTS, ...RULES, ...REDIRECTS, ...USE])("is made of %s", (_, fires, finding, silent) => {
    const name = finding.split(" ")[1]
    expect(found(fires).filter((one) => one.includes(` ${name} `))[0]).toBe(finding)
    expect(found(silent).filter((one) => one.includes(` ${name} `))).toEqual([])
  })

  it("says what to do, names its resource, and is in the right order", () => {
    const all = [...REACH, ...HOSTS, ...RULES, ...REDIRECTS, ...USE].flatMap(([, fires]) => findings(fires))
    expect(all.filter(({ hint, message, resource }) => hint === "" || message === "" || !resource)).toEqual([])
    const severities = findings(one([rest(), rest(), { match: { path: { regex: "/x" } }, backends: TO_A }])).map(
      ({ severity }) => severity,
    )
    expect(severities).toEqual(["warning", "info"])
  })

  it("is not made of an ordinary mesh", () => {
    const mesh: MeshDocument = {
      services: { storefront: {}, orders: { subsets: { v1: {}, v2: {} } } },
      routes: {
        shop: {
          hosts: ["shop.test"],
          rules: [rest("storefront"), { ...rest("orders", "/orders"), retry: { attempts: 2 } }],
        },
        orders: {
          service: "orders",
          rules: [
            { match: { headers: { "x-canary": "always" } }, backends: [{ service: "orders", subset: "v2" }] },
            {
              backends: [
                { service: "orders", subset: "v1", weight: 9 },
                { service: "orders", subset: "v2", weight: 1 },
              ],
            },
          ],
        },
      },
    }
    expect(findings(mesh)).toEqual([])
  })

  it("tells who takes the requests of a rule that gets none, by what, and the way out", () => {
    expect(findings(REACH[3]![1])[0]).toMatchObject({
      message: "No request comes to this rule: default/r/0 takes all of them first (by kind of path match)",
      hint: "narrow what default/r/0 takes, or remove this one",
      resource: { kind: "Route", namespace: "default", name: "r" },
    })
    expect(findings(REACH[0]![1])[0]?.hint).toBe("move it before default/r/0, or remove it")
    expect(findings(REDIRECTS[1]![1])[0]?.message).toBe(
      "A browser never arrives: http://r.test/a -> http://r.test/b -> http://r.test/a",
    )
  })
})

describe("of a running mesh", () => {
  const mesh = meshOf({ r: { hosts: ["r.test"], rules: [rest("a")] } })

  it("a backend that no proxy has bound is named", () => {
    const unbound = [{ service: "default/a", binding: "A" }]
    expect(findings(mesh, { unbound }).map(({ rule, path, hint }) => [rule, path, hint])).toEqual([
      ["unbound-backend", "routes.r.rules[0].backends[0]", "weft service add a --worker <worker>, then weft deploy"],
      ["unbound-backend", "routes.used.rules[0].backends[0]", "weft service add a --worker <worker>, then weft deploy"],
    ])
  })

  it("one that has another endpoint is served by that one", () => {
    const two = { ...mesh, services: { a: { endpoints: [{ binding: "A" }, { url: "https://a.test" }] }, b: {} } }
    expect(findings(two, { unbound: [{ service: "default/a", binding: "A" }] })).toEqual([])
  })
})

describe("what only other languages can say", () => {
  const base = compiled(one([{ ...rest(), timeout: "2s", attemptTimeout: "1s", retry: { attempts: 1 } }]))
  const changed = (change: (rule: Rule) => Partial<Rule>): string[] => {
    const routes = base.snapshot.routes.map((route) =>
      route.id === "default/r" ? { ...route, rules: route.rules.map((rule) => ({ ...rule, ...change(rule) })) } : route,
    )
    return lint({ resources: base.resources, snapshot: { ...base.snapshot, routes } }).map(({ rule }) => rule)
  }

  it.each<[string, (rule: Rule) => Partial<Rule>, string[]]>([
    ["as it was written", () => ({}), []],
    [
      "no weight at all",
      ({ backends }) => ({ backends: backends.map((one) => ({ ...one, weight: 0 })) }),
      ["all-weights-zero"],
    ],
    [
      "an attempt as long as the request",
      () => ({ timeouts: { requestMs: 5, attemptMs: 5 } }),
      ["attempt-outlasts-request"],
    ],
    ["a retry on nothing", ({ retry }) => ({ retry: { ...retry!, on: [] } }), ["retry-without-effect"]],
  ])("%s", (_, change, rules) => {
    expect(changed(change)).toEqual(rules)
  })
})

describe("after a change", () => {
  it("only what is new, or about what was changed, is told", () => {
    const before = findings(one([rest(), rest()]))
    const after = findings(one([rest(), rest(), rest()]))
    const paths = (changed: Parameters<typeof newFindings>[2]) =>
      newFindings(before, after, changed).map(({ path }) => path)
    expect(paths([])).toEqual(["routes.r.rules[2]"])
    expect(paths([{ kind: "Route", namespace: "default", name: "r" }])).toEqual([
      "routes.r.rules[1]",
      "routes.r.rules[2]",
    ])
  })
})
