import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { parse } from "#shared/config/parse.ts"

const ruleWith = (rule: object) => ({ routes: { r: { hosts: ["*"], rules: [rule] } } })
const matching = (match: object) => ruleWith({ match })
const filtering = (...filters: object[]) => ruleWith({ filters })
const found = (content: unknown) =>
  parse({ source: "-", content }).problems.map(({ path, rule, hint }) => [path, rule, hint])

const RULE = "routes.r.rules[0]"

describe("one mistake is one problem", () => {
  it.each<[unknown, string, string, string | undefined]>([
    [null, "", "wrong-type", 'write "{}" when there is nothing to say'],
    [[], "", "wrong-type", undefined],
    [{ servces: {} }, "servces", "unknown-key", 'did you mean "services"?'],
    [{ namespace: "Team A" }, "namespace", "bad-name", 'did you mean "team-a"?'],
    [{ services: { web: null } }, "services.web", "wrong-type", 'write "{}" when there is nothing to say'],
    [{ services: { my_web: {} } }, "services.my_web", "bad-name", 'did you mean "my-web"?'],
    [
      { services: { a: { url: "https://a.test", binding: "A" } } },
      "services.a",
      "conflicting-keys",
      "keep one of them",
    ],
    [{ services: { a: { worker: "a" } } }, "services.a", "missing-key", "name the dispatch namespace's binding"],
    [{ services: { a: { endpoints: [{}] } } }, "services.a.endpoints[0]", "missing-key", undefined],
    [{ services: { a: { endpoints: [] } } }, "services.a.endpoints", "too-few", undefined],
    [{ services: { a: { binding: "WEFT_CONTROL" } } }, "services.a.binding", "reserved-binding", undefined],
    [{ services: { a: { binding: "ROUTE_TABLE" } } }, "services.a.binding", "reserved-binding", undefined],
    [{ services: { a: { binding: "A-B" } } }, "services.a.binding", "bad-binding", 'write it like "ORDERS"'],
    [
      { gateways: { g: { listeners: [{ name: "a", port: 70_000 }] } } },
      "gateways.g.listeners[0].port",
      "out-of-range",
      undefined,
    ],
    [{ routes: { r: { hosts: ["*"] } } }, "routes.r.rules", "missing-key", undefined],
    [{ routes: { r: { hosts: "a.test", rules: [{}] } } }, "routes.r.hosts", "wrong-type", "put it in brackets: [...]"],
    [
      { routes: { r: { hosts: ["https://A.test:80/x"], rules: [{}] } } },
      "routes.r.hosts[0]",
      "bad-hostname",
      'did you mean "a.test"?',
    ],
    [
      { routes: { r: { service: "a", services: ["b"], rules: [{}] } } },
      "routes.r",
      "conflicting-keys",
      "keep one of them",
    ],
    [ruleWith({ match: {}, matches: [{}] }), RULE, "conflicting-keys", "keep one of them"],
    [ruleWith({ timeout: 5 }), `${RULE}.timeout`, "wrong-type", 'write it like "250ms"'],
    [ruleWith({ timeout: "5" }), `${RULE}.timeout`, "bad-duration", 'did you mean "5s"?'],
    [ruleWith({ timeout: "1.5s" }), `${RULE}.timeout`, "bad-duration", 'did you mean "1500ms"?'],
    [ruleWith({ timeout: "2 minutes" }), `${RULE}.timeout`, "bad-duration", 'did you mean "2m"?'],
    [ruleWith({ timeout: "0s" }), `${RULE}.timeout`, "bad-duration", "leave it out to have no limit"],
    [ruleWith({ timeout: "2h" }), `${RULE}.timeout`, "bad-duration", undefined],
    [ruleWith({ retry: { attempts: 2, on: ["5x"] } }), `${RULE}.retry.on[0]`, "unknown-value", 'did you mean "5xx"?'],
    [ruleWith({ retry: { attempts: 2, on: [200] } }), `${RULE}.retry.on[0]`, "out-of-range", undefined],
    [ruleWith({ retry: { attempts: 99 } }), `${RULE}.retry.attempts`, "out-of-range", undefined],
    [ruleWith({ retry: { attemps: 2 } }), `${RULE}.retry.attemps`, "unknown-key", 'did you mean "attempts"?'],
    [
      ruleWith({ backends: [{ service: "a", weight: "90" }] }),
      `${RULE}.backends[0].weight`,
      "wrong-type",
      "write 90 without quotes",
    ],
    [ruleWith({ backends: [{ service: "a", weight: -1 }] }), `${RULE}.backends[0].weight`, "out-of-range", undefined],
    [ruleWith({ backends: [{ service: "a", weight: 0.5 }] }), `${RULE}.backends[0].weight`, "wrong-type", undefined],
    [ruleWith({ backends: [{ service: "a/b/c" }] }), `${RULE}.backends[0].service`, "bad-reference", undefined],
    [matching({ path: "cart" }), `${RULE}.match.path`, "path-slash", 'did you mean "/cart"?'],
    [matching({ path: "/a?b" }), `${RULE}.match.path`, "path-query", 'match the query with "query"'],
    [matching({ path: "/a//b/../c" }), `${RULE}.match.path`, "path-not-canonical", 'did you mean "/a/c"?'],
    [matching({ path: "/caf\u00e9" }), `${RULE}.match.path`, "path-not-canonical", 'did you mean "/caf%C3%A9"?'],
    [matching({ path: "/a%2fb" }), `${RULE}.match.path`, "bad-path", undefined],
    [matching({ path: { exat: "/a" } }), `${RULE}.match.path.exat`, "unknown-key", 'did you mean "exact"?'],
    [matching({ path: {} }), `${RULE}.match.path`, "missing-key", undefined],
    [matching({ path: { exact: "/a", prefix: "/b" } }), `${RULE}.match.path`, "conflicting-keys", "keep one of them"],
    [matching({ path: { template: "/a/{id}/{id}" } }), `${RULE}.match.path.template`, "bad-template", undefined],
    [matching({ path: { template: "/**/a" } }), `${RULE}.match.path.template`, "bad-template", undefined],
    [matching({ path: 5 }), `${RULE}.match.path`, "wrong-type", 'write "5", in quotes'],
    [matching({ method: "get" }), `${RULE}.match.method`, "bad-method", 'did you mean "GET"?'],
    [matching({ headers: { "x a": "b" } }), `${RULE}.match.headers["x a"]`, "bad-header-name", undefined],
    [matching({ headers: { "X-A": "b", "x-a": "c" } }), `${RULE}.match.headers.x-a`, "duplicate-name", undefined],
    [
      matching({ headers: { a: { not: { prefix: "" } } } }),
      `${RULE}.match.headers.a.not.prefix`,
      "empty-value",
      'use "present: true"',
    ],
    [
      matching({ headers: { a: { present: "true" } } }),
      `${RULE}.match.headers.a.present`,
      "wrong-type",
      "write true without quotes",
    ],
    [matching({ from: [] }), `${RULE}.match.from`, "too-few", undefined],
    [matching({ percent: 101 }), `${RULE}.match.percent`, "out-of-range", undefined],
    [filtering({}), `${RULE}.filters[0]`, "missing-key", undefined],
    [filtering({ redirct: {} }), `${RULE}.filters[0].redirct`, "unknown-key", 'did you mean "redirect"?'],
    [filtering({ redirect: { status: 300 } }), `${RULE}.filters[0].redirect.status`, "unknown-value", undefined],
    [filtering({ redirect: { host: "*.a.test" } }), `${RULE}.filters[0].redirect.host`, "bad-hostname", undefined],
    [filtering({ respond: { status: 101 } }), `${RULE}.filters[0].respond.status`, "out-of-range", undefined],
    [
      filtering({ requestHeaders: { set: { Weft_From: "x" } } }),
      `${RULE}.filters[0].requestHeaders.set.Weft_From`,
      "reserved-header",
      undefined,
    ],
    [
      filtering({ requestHeaders: { set: { host: "x" } } }),
      `${RULE}.filters[0].requestHeaders.set.host`,
      "reserved-header",
      'use the filter "rewrite" with "host"',
    ],
    [
      filtering({ responseHeaders: { add: { "x-a": "a\r\nb: c" } } }),
      `${RULE}.filters[0].responseHeaders.add.x-a`,
      "bad-header-value",
      undefined,
    ],
    [
      filtering({ cors: { origins: ["https://a.test/"] } }),
      `${RULE}.filters[0].cors.origins[0]`,
      "bad-origin",
      'did you mean "https://a.test"?',
    ],
    [
      filtering({ cors: { origins: ["https://a.test", "*"], credentials: true } }),
      `${RULE}.filters[0].cors`,
      "cors-credentials",
      'name the origins, such as "https://*.example.com", or leave credentials out',
    ],
    [{ services: { a: new Map() } }, "services.a", "not-data", undefined],
    [ruleWith({ retry: { attempts: Number.NaN } }), `${RULE}.retry.attempts`, "not-data", undefined],
    [JSON.parse('{"services":{"__proto__":{}}}'), "services.__proto__", "forbidden-key", undefined],
    [{ services: { constructor: {} } }, "services.constructor", "forbidden-key", undefined],
    [
      { apiVersion: "v1", kind: "Service" },
      "kind",
      "kind-not-supported",
      "write a mesh document with services, gateways, routes",
    ],
  ])("%j", (content, path, rule, hint) => {
    const problems = found(content)
    expect(problems.map(([at, broken]) => [at, broken])).toEqual([[path, rule]])
    if (hint !== undefined) expect(problems[0]![2]).toBe(hint)
  })

  it.each([
    ["look-ahead", "(?=a)b"],
    ["a back-reference", "(a)\\1"],
    ["100,000 characters", "a".repeat(100_000)],
    ["a large program", "(?:x|y){0,1000}z"],
    ["nothing", ""],
  ])("refuses a regular expression with %s", (_, regex) => {
    const problems = found(matching({ path: { regex } }))
    expect(problems.map(([path, rule]) => [path, rule])).toEqual([[`${RULE}.match.path.regex`, "bad-regex"]])
  })
})

describe("parse", () => {
  it("never throws, and gives each problem a path, a rule and a sentence", () => {
    fc.assert(
      fc.property(fc.anything({ maxDepth: 5, withMap: true, withDate: true, withNullPrototype: true }), (content) => {
        for (const problem of parse({ source: "-", content }).problems) {
          expect(problem).toMatchObject({ path: expect.any(String), rule: expect.stringMatching(/^[a-z0-9-]+$/) })
          expect(problem.message.length).toBeGreaterThan(5)
        }
      }),
    )
  })

  it("ends with a document that holds itself", () => {
    const content: Record<string, unknown> = {}
    content.services = content
    expect(found(content).map(([, rule]) => rule)).toContain("too-deep")
  })

  it("caps the number of problems, and says how many there are", () => {
    const services = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`s${index}`, { urll: "x" }]))
    const { problems } = parse({ source: "-", content: { services } })
    expect(problems).toHaveLength(101)
    expect(problems.at(-1)).toMatchObject({ rule: "too-many-problems", message: "There are 50 further problems" })
  })

  it("keeps what is in order apart from what is not", () => {
    const { resources, broken } = parse({ source: "-", content: { services: { a: {}, b: { urll: "x" } } } })
    expect(resources).toEqual([{ kind: "Service", namespace: "default", name: "a", spec: {} }])
    expect(broken).toEqual([{ kind: "Service", namespace: "default", name: "b" }])
  })
})
