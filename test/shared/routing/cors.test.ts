import { describe, expect, it } from "vitest"
import type { Cors, HeaderChange } from "#shared/model/route.ts"
import { allowsOrigin, corsHeaders, preflight } from "#shared/routing/cors.ts"
import { applyHeaderChange } from "#shared/routing/filters.ts"
import { aHead } from "./build.ts"

const policy = (part: Partial<Cors>): Cors => ({
  origins: [],
  credentials: false,
  methods: [],
  headers: [],
  exposeHeaders: [],
  maxAgeSeconds: 5,
  ...part,
})

const LISTS = policy({
  origins: ["https://www.foo.com", "https://*.bar.com"],
  credentials: true,
  methods: ["GET", "OPTIONS"],
  headers: ["x-header-1", "x-header-2"],
  exposeHeaders: ["x-header-3", "x-header-4"],
  maxAgeSeconds: 3600,
})
const ANYTHING = { origins: ["*"], methods: ["*"], headers: ["*"], exposeHeaders: ["*"] }

/** The headers of the answer to a preflight from an origin for a method and headers. */
function ask(cors: Cors, origin: string, method: string, headers?: string) {
  const requested = headers === undefined ? {} : { "access-control-request-headers": headers }
  const answer = preflight(
    cors,
    aHead({ method: "OPTIONS", headers: { origin, "access-control-request-method": method, ...requested } }),
  )
  return (
    answer && { status: answer.status, ...Object.fromEntries(answer.headers.map(({ name, value }) => [name, value])) }
  )
}

/** The response's headers after the change. */
function changed(change: HeaderChange, upstream: Record<string, string> = {}) {
  const headers = new Headers(upstream)
  applyHeaderChange(headers, change)
  return Object.fromEntries(headers)
}

describe("an origin", () => {
  it("is allowed exactly, by a wildcard of any number of labels, or by *", () => {
    const table: readonly (readonly [string, string, boolean])[] = [
      ["https://www.foo.com", "https://www.foo.com", true],
      ["https://www.foo.com", "http://www.foo.com", false],
      ["https://www.foo.com", "https://www.foo.com:8443", false],
      ["https://www.foo.com", "https://www.foo.com.evil.com", false],
      ["https://*.bar.com", "https://www.bar.com", true],
      ["https://*.bar.com", "https://xpto.www.bar.com", true],
      ["https://*.bar.com", "https://bar.com", false],
      ["https://*.bar.com", "https://.bar.com", false],
      ["https://*.bar.com", "https://foobar.com", false],
      ["https://*.bar.com", "http://www.bar.com", false],
      ["https://*.bar.com", "https://WWW.bar.com", false],
      ["https://*.bar.com", "https://evil.com/.bar.com", false],
      ["https://*.bar.com", "https://a@b.bar.com", false],
      ["https://*.bar.com", "https://www.bar.com:8443", false],
      ["https://*.bar.com:8443", "https://www.bar.com:8443", true],
      ["*", "https://foobar.com:12345", true],
      ["*", "null", true],
      ["https://*.bar.com", "null", false],
    ]
    for (const [allowed, origin, expected] of table) {
      expect([allowed, origin, allowsOrigin(policy({ origins: [allowed] }), origin)]).toEqual([
        allowed,
        origin,
        expected,
      ])
    }
  })
})

describe("a preflight", () => {
  it("from an allowed origin is told all that the policy allows", () => {
    for (const origin of ["https://www.foo.com", "https://www.bar.com", "https://xpto.www.bar.com"]) {
      expect(ask(LISTS, origin, "GET", "x-header-1, x-header-2")).toEqual({
        status: 204,
        "access-control-allow-origin": origin,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET, OPTIONS",
        "access-control-allow-headers": "x-header-1, x-header-2",
        "access-control-expose-headers": "x-header-3, x-header-4",
        "access-control-max-age": "3600",
        vary: "origin",
      })
    }
  })

  it("from any other origin gets no CORS header", () => {
    expect(ask(LISTS, "https://foobar.com", "GET")).toEqual({ status: 204, vary: "origin" })
  })

  it("that asks for no headers is told which it may, as browsers remember it for the next request", () => {
    const allowed = "access-control-allow-headers"
    expect(ask(LISTS, "https://www.foo.com", "GET")).toMatchObject({ [allowed]: "x-header-1, x-header-2" })
    expect(ask(policy({ ...ANYTHING, credentials: true }), "https://a.test", "GET")).not.toHaveProperty(allowed)
  })

  it("is answered * without credentials, and what it asked for with them", () => {
    expect(ask(policy(ANYTHING), "https://a.test", "PUT", "x-1, x-2")).toEqual({
      status: 204,
      "access-control-allow-origin": "*",
      "access-control-allow-methods": "*",
      "access-control-allow-headers": "*",
      "access-control-expose-headers": "*",
      "access-control-max-age": "5",
    })
    expect(ask(policy({ ...ANYTHING, credentials: true }), "https://a.test", "PUT", "x-1, x-2")).toEqual({
      status: 204,
      "access-control-allow-origin": "https://a.test",
      "access-control-allow-credentials": "true",
      "access-control-allow-methods": "PUT",
      "access-control-allow-headers": "x-1, x-2",
      "access-control-max-age": "5",
      vary: "origin",
    })
  })

  it("is nothing else: no other method, and none without origin or requested method", () => {
    const headers = { origin: "https://www.foo.com", "access-control-request-method": "GET" }
    expect(preflight(LISTS, aHead({ method: "GET", headers }))).toBeUndefined()
    expect(preflight(LISTS, aHead({ method: "OPTIONS", headers: { origin: headers.origin } }))).toBeUndefined()
    expect(
      preflight(LISTS, aHead({ method: "OPTIONS", headers: { "access-control-request-method": "GET" } })),
    ).toBeUndefined()
  })
})

describe("the response to any other request", () => {
  it("from an allowed origin names it, once", () => {
    const upstream = { "access-control-allow-origin": "*", vary: "accept" }
    expect(changed(corsHeaders(LISTS, "https://www.bar.com"), upstream)).toEqual({
      "access-control-allow-origin": "https://www.bar.com",
      "access-control-allow-credentials": "true",
      "access-control-expose-headers": "x-header-3, x-header-4",
      vary: "accept, origin",
    })
  })

  it("from another origin allows nothing, whatever the upstream says", () => {
    const upstream = {
      "access-control-allow-origin": "*",
      "access-control-allow-credentials": "true",
      "access-control-expose-headers": "x",
    }
    expect(changed(corsHeaders(LISTS, "https://foobar.com"), upstream)).toEqual({ vary: "origin" })
  })

  it("without credentials takes off the upstream's", () => {
    const upstream = { "access-control-allow-credentials": "true" }
    expect(changed(corsHeaders(policy({ origins: ["*"] }), "https://a.test"), upstream)).toEqual({
      "access-control-allow-origin": "*",
    })
  })

  it("without origin only says that the answer varies", () => {
    expect(corsHeaders(LISTS, null)).toEqual({ set: [], add: [{ name: "vary", value: "origin" }], remove: [] })
    expect(corsHeaders(policy(ANYTHING), null).add).toEqual([])
  })

  it("lists its headers where * would be taken for a name", () => {
    const cors = policy({ ...ANYTHING, credentials: true })
    expect(changed(corsHeaders(cors, "https://a.test", ["x-1", "x-2"]))).toMatchObject({
      "access-control-expose-headers": "x-1, x-2",
    })
  })
})
