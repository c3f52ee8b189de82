import { describe, expect, it } from "vitest"
import { gatewayApi } from "#shared/dialects/gateway-api/index.ts"
import type { Rule } from "#shared/model/route.ts"
import { complaintsOf, meshOf, problemsOf, routeWith } from "./mesh-of.ts"

const PARENT = "parentRefs: [{ name: web }]"
const TO_ONE = "backendRefs: [{ name: one, port: 80 }]"

function ruleOf(rule: string): Rule {
  return meshOf(routeWith(`{ ${PARENT}, rules: [${rule}] }`)).snapshot.routes[0]!.rules[0]!
}

describe("matches", () => {
  it.each([
    ["no match is every path", "", { path: { kind: "prefix", value: "/" } }],
    ["a prefix without its trailing slash", "path: { value: /v2/ }", { path: { kind: "prefix", value: "/v2" } }],
    ["an exact path with it", "path: { type: Exact, value: /v2/ }", { path: { kind: "exact", value: "/v2/" } }],
    ["a path in the form of requests", "path: { value: /a%7e }", { path: { kind: "prefix", value: "/a~" } }],
    [
      "an expression",
      "path: { type: RegularExpression, value: '/v[0-9]' }",
      { path: { kind: "regex", value: "/v[0-9]" } },
    ],
    ["a method", "method: PATCH", { method: "PATCH" }],
    [
      "of headers that are equal but for case the first",
      "headers: [{ name: X-A, value: '1' }, { name: x-a, value: '2' }]",
      { headers: [{ name: "x-a", test: { kind: "exact", value: "1" } }] },
    ],
    [
      "query parameters with case",
      "queryParams: [{ name: A, value: '1' }, { name: a, type: RegularExpression, value: '2+' }]",
      {
        query: [
          { name: "A", test: { kind: "exact", value: "1" } },
          { name: "a", test: { kind: "regex", value: "2+" } },
        ],
      },
    ],
  ])("%s", (_, match, expected) => {
    expect(ruleOf(`{ matches: [{ ${match} }], ${TO_ONE} }`).matches).toMatchObject([expected])
  })

  it.each([
    ["a type of path", "path: { type: Glob, value: / }", "path.type"],
    ["a type of header match", "headers: [{ name: a, value: b, type: Fuzzy }]", "headers[0].type"],
    ["a method", "method: get", "method"],
    ["an expression", "path: { type: RegularExpression, value: '(' }", "path"],
  ])("%s that is not known leaves its rule out, and says so", (_, match, path) => {
    const mesh = meshOf(routeWith(`{ ${PARENT}, rules: [{ matches: [{ ${match} }], ${TO_ONE} }, { ${TO_ONE} }] }`))
    expect(complaintsOf(mesh)).toEqual([
      `unsupported HTTPRoute/r spec.rules[0].matches[0].${path} PartiallyInvalid UnsupportedValue`,
    ])
    expect(mesh.notes.find(({ path }) => path !== "")?.message).toBeDefined()
    expect(mesh.snapshot.routes[0]!.rules.map(({ id }) => id)).toEqual(["infra/r/1"])
  })

  it("leave a route without rules out of the mesh", () => {
    const mesh = meshOf(routeWith(`{ ${PARENT}, rules: [{ matches: [{ method: got }], ${TO_ONE} }] }`))
    expect(mesh.snapshot.routes).toEqual([])
    expect(complaintsOf(mesh)).toContain("unsupported HTTPRoute/r spec.rules Accepted UnsupportedValue")
  })
})

describe("filters", () => {
  it.each([
    [
      "header changes in lower case",
      "{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: X-A, value: '1' }], remove: [X-B] } }",
      { kind: "requestHeaders", change: { set: [{ name: "x-a", value: "1" }], add: [], remove: ["x-b"] } },
    ],
    [
      "a redirect of 302",
      "{ type: RequestRedirect, requestRedirect: { hostname: a.test } }",
      { kind: "redirect", redirect: { host: "a.test", status: 302 } },
    ],
    [
      "a mirror of everything",
      "{ type: RequestMirror, requestMirror: { backendRef: { name: two, port: 80 } } }",
      { kind: "mirror", mirror: { backend: { service: "infra/two" }, percent: 100 } },
    ],
    [
      "a mirror of a fraction",
      "{ type: RequestMirror, requestMirror: { backendRef: { name: two, port: 80 }, fraction: { numerator: 1, denominator: 8 } } }",
      { kind: "mirror", mirror: { percent: 12.5 } },
    ],
    [
      "an empty new prefix is the root",
      "{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: '' } } }",
      { kind: "rewrite", rewrite: { path: { kind: "prefix", value: "/" } } },
    ],
    [
      "CORS with its 5 seconds",
      "{ type: CORS, cors: { allowOrigins: ['https://*.a.test'], allowCredentials: true } }",
      { kind: "cors", cors: { origins: ["https://*.a.test"], credentials: true, maxAgeSeconds: 5 } },
    ],
  ])("%s", (_, filter, expected) => {
    const backends = filter.includes("Redirect") ? "" : `, ${TO_ONE}`
    expect(ruleOf(`{ filters: [${filter}]${backends} }`).filters).toMatchObject([expected])
  })

  it.each([
    ["of a type that is not known", "{ type: RequestRedirct }", "type", "RequestRedirect"],
    [
      "of a kind of its own",
      "{ type: ExtensionRef, extensionRef: { group: a.io, kind: Waf, name: w } }",
      "extensionRef",
      "kinds",
    ],
    ["that asks others", "{ type: ExternalAuth, externalAuth: { protocol: HTTP } }", "externalAuth", "permission"],
    [
      "that changes what is the mesh's",
      "{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: Weft-From, value: a }] } }",
      "requestHeaderModifier",
      "belongs",
    ],
    [
      "with a status that is none",
      "{ type: RequestRedirect, requestRedirect: { statusCode: 200 } }",
      "requestRedirect.statusCode",
      "200",
    ],
  ])("a filter %s makes its rule answer 500", (_, filter, path, word) => {
    const backends = filter.includes("statusCode") ? "" : `, ${TO_ONE}`
    const mesh = meshOf(routeWith(`{ ${PARENT}, rules: [{ filters: [${filter}]${backends} }, { ${TO_ONE} }] }`))
    expect(mesh.snapshot.routes[0]!.rules[0]).toMatchObject({ filters: [], backends: [] })
    expect(mesh.snapshot.routes[0]!.rules[1]!.backends).toHaveLength(1)
    expect(complaintsOf(mesh)).toEqual([
      `unsupported HTTPRoute/r spec.rules[0].filters[0].${path} PartiallyInvalid UnsupportedValue`,
    ])
    const note = mesh.notes.find(({ condition }) => condition === "PartiallyInvalid")!
    expect(note.message).toMatch(/^Dropped Rule 0: /)
    expect(note.message).toContain(word)
  })

  it("on one backend make only that one answer 500", () => {
    const rule = ruleOf(
      "{ backendRefs: [{ name: one, port: 80, filters: [{ type: Nope }] }, { name: two, port: 80 }] }",
    )
    expect(rule.backends.map(({ invalid }) => invalid)).toEqual(["kind_not_supported", undefined])
  })

  it("that mirror nowhere are left out, and nothing else changes", () => {
    const mirror = "{ type: RequestMirror, requestMirror: { backendRef: { name: gone, port: 80 } } }"
    const mesh = meshOf(routeWith(`{ ${PARENT}, rules: [{ filters: [${mirror}], ${TO_ONE} }] }`))
    expect(mesh.snapshot.routes[0]!.rules[0]).toMatchObject({ filters: [], backends: [{ service: "infra/one" }] })
    expect(complaintsOf(mesh)).toEqual([
      "invalid HTTPRoute/r spec.rules[0].filters[0].requestMirror.backendRef ResolvedRefs BackendNotFound",
    ])
  })
})

describe("timeouts and retries", () => {
  it.each([
    ["are what they say", "{ request: 1s500ms, backendRequest: 200ms }", { requestMs: 1_500, attemptMs: 200 }],
    ["of 0s are none", "{ request: 0s, backendRequest: 0s }", {}],
  ])("timeouts %s", (_, timeouts, expected) => {
    expect(ruleOf(`{ timeouts: ${timeouts}, ${TO_ONE} }`).timeouts).toEqual(expected)
  })

  it.each([
    [
      "without codes retries connections",
      "{ attempts: 3 }",
      { attempts: 3, on: ["reset"], backoffMs: 25, unsafe: false },
    ],
    [
      "with codes retries both",
      "{ codes: [500, 503], attempts: 2, backoff: 100ms }",
      { on: [500, 503, "reset"], backoffMs: 100 },
    ],
    ["has a most", "{ attempts: 99 }", { attempts: 10 }],
  ])("a retry %s", (_, retry, expected) => {
    expect(ruleOf(`{ retry: ${retry}, ${TO_ONE} }`).retry).toMatchObject(expected)
  })
})

describe("a session", () => {
  it.each([
    ["is kept by a cookie", "{}", { by: "session", cookie: expect.stringMatching(/^weft-session-[0-9a-f]{8}$/) }],
    ["has a name", "{ cookie: { name: shop } }", { by: "session", cookie: "shop" }],
    [
      "may outlast the browser",
      "{ absoluteTimeout: 1h, cookieConfig: { lifetimeType: Permanent }, sessionName: shop }",
      { by: "session", cookie: "shop", maxAgeSeconds: 3_600 },
    ],
  ])("%s", (_, session, sticky) => {
    expect(ruleOf(`{ sessionPersistence: ${session}, ${TO_ONE} }`).sticky).toEqual(sticky)
  })

  it("that cannot be kept is told, and the rule holds without it", () => {
    const mesh = meshOf(routeWith(`{ ${PARENT}, rules: [{ sessionPersistence: { type: Header }, ${TO_ONE} }] }`))
    expect(mesh.snapshot.routes[0]!.rules[0]).not.toHaveProperty("sticky")
    expect(complaintsOf(mesh)).toEqual([
      "unsupported HTTPRoute/r spec.rules[0].sessionPersistence Accepted UnsupportedValue",
    ])
  })
})

describe("what a cluster refuses", () => {
  it.each([
    ["unknown fields", `rules: [{ backendRef: [] }]`, "spec.rules[0].backendRef", "unknown-key"],
    [
      "a path without slash",
      "rules: [{ matches: [{ path: { value: a } }] }]",
      "spec.rules[0].matches[0].path",
      "path-slash",
    ],
    [
      "an escaped slash",
      "rules: [{ matches: [{ path: { value: /a%2fb } }] }]",
      "spec.rules[0].matches[0].path",
      "bad-path",
    ],
    [
      "a Service without port",
      "rules: [{ backendRefs: [{ name: one }] }]",
      "spec.rules[0].backendRefs[0]",
      "missing-key",
    ],
    [
      "two filters of one type",
      "rules: [{ filters: [{ type: CORS, cors: {} }, { type: CORS, cors: {} }] }]",
      "spec.rules[0]",
      "duplicate-filter",
    ],
    [
      "a filter without its part",
      "rules: [{ filters: [{ type: URLRewrite }] }]",
      "spec.rules[0].filters[0]",
      "missing-key",
    ],
    [
      "a redirect with backends",
      `rules: [{ filters: [{ type: RequestRedirect, requestRedirect: {} }], ${TO_ONE} }]`,
      "spec.rules[0]",
      "redirect-with-backends",
    ],
    [
      "a try that outlasts the request",
      `rules: [{ timeouts: { request: 1s, backendRequest: 2s }, ${TO_ONE} }]`,
      "spec.rules[0].timeouts",
      "attempt-outlasts-request",
    ],
    [
      "a prefix to replace where there is none",
      `rules: [{ matches: [{ path: { type: Exact, value: /a } }], filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: / } } }], ${TO_ONE} }]`,
      "spec.rules[0]",
      "prefix-without-prefix-match",
    ],
    ["two rules of one name", `rules: [{ name: a, ${TO_ONE} }, { name: a, ${TO_ONE} }]`, "spec", "duplicate-rule-name"],
    ["seventeen rules", `rules: [${Array(17).fill(`{ ${TO_ONE} }`).join(", ")}]`, "spec.rules", "too-many"],
    [
      "too many matches in all",
      `rules: [${Array(3)
        .fill(`{ matches: [${Array(50).fill("{}").join(", ")}], ${TO_ONE} }`)
        .join(", ")}]`,
      "spec",
      "too-many",
    ],
    [
      "a cookie for ever without an end",
      `rules: [{ sessionPersistence: { cookie: { lifetimeType: Permanent } }, ${TO_ONE} }]`,
      "spec.rules[0].sessionPersistence",
      "missing-key",
    ],
    ["an address for a hostname", `hostnames: ["10.0.0.1"]`, "spec.hostnames[0]", "bad-hostname"],
  ])("%s", (_, spec, path, rule) => {
    expect(problemsOf(routeWith(`{ ${PARENT}, ${spec} }`))).toMatchObject([
      { path, rule, source: { file: "mesh.yaml" } },
    ])
  })
})

describe("a GRPCRoute", () => {
  it.each([
    ["service and method", "{ service: a.B, method: C }", { kind: "exact", value: "/a.B/C" }],
    ["a service", "{ service: a.B }", { kind: "prefix", value: "/a.B" }],
    ["a method", "{ method: C }", { kind: "template", value: "/*/C" }],
    [
      "expressions",
      "{ type: RegularExpression, service: 'a[.].+' }",
      { kind: "regex", value: "/(?:a[.].+)/(?:[^/]+)" },
    ],
  ])("takes %s as a POST to a path", (_, method, path) => {
    const mesh = meshOf(
      routeWith(`{ ${PARENT}, rules: [{ matches: [{ method: ${method} }], ${TO_ONE} }] }`, "GRPCRoute"),
    )
    expect(mesh.snapshot.routes[0]!.rules[0]!.matches).toMatchObject([{ path, method: "POST" }])
  })

  it("says what of gRPC cannot work", () => {
    const mesh = meshOf(routeWith(`{ ${PARENT}, rules: [{ ${TO_ONE} }] }`, "GRPCRoute"))
    expect(complaintsOf(mesh)).toEqual(["unsupported GRPCRoute/r spec Accepted UnsupportedValue"])
  })
})

it("only objects with apiVersion and kind are this language's", () => {
  expect([{ apiVersion: "v1", kind: "x" }, { kind: "x" }, { routes: {} }, null, "x"].map(gatewayApi.takes)).toEqual([
    true,
    false,
    false,
    false,
    false,
  ])
})
