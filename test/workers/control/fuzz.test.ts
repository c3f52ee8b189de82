import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { TABLE } from "#workers/control/app.ts"
import { call, documents } from "./support.ts"

const RUNS = 150
const OPTIONS = { numRuns: RUNS, endOnFailure: true }

const name = fc.oneof(fc.constantFrom("orders", "default", "__proto__", "constructor", "head", "1"), fc.string())
const scalar = fc.oneof(fc.string(), fc.integer(), fc.double(), fc.boolean(), fc.constant(null), name)

/** Documents that look right from afar: known keys, any values. */
const mesh = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, scalar, fc.array(tie("value"), { maxLength: 3 }), tie("object")),
  object: fc.dictionary(
    fc.constantFrom(
      ...["services", "routes", "gateways", "namespace", "subsets", "endpoints", "binding", "url", "hosts", "service"],
      ...["rules", "matches", "match", "path", "prefix", "regex", "filters", "backends", "weight", "retry", "attempts"],
      ...["timeout", "headers", "percent", "listeners", "name", "apiVersion", "kind", "metadata", "spec", "orders"],
    ),
    tie("value"),
    { maxKeys: 4 },
  ),
})).value

const body = fc.oneof(
  fc.string(),
  fc.json(),
  mesh.map((content) => JSON.stringify(documents(content))),
  fc
    .record({
      to: fc.anything(),
      message: fc.anything(),
      documents: fc.anything(),
      name: fc.anything(),
      role: fc.anything(),
    })
    .map((value) => JSON.stringify(value, (_key, member) => (typeof member === "bigint" ? 7 : member))),
)

const segment = fc.oneof(name, fc.constantFrom("Service", "%2e%2e", "%ff", "a%00")).map((text) => {
  const encoded = encodeURIComponent(text.toWellFormed())
  return encoded === "" ? "x" : encoded
})
const search = fc.oneof(
  fc.constant(""),
  fc
    .array(fc.tuple(fc.constantFrom("before", "limit", "from", "to", "kind", "revision", "x"), fc.string()))
    .map((pairs) => `?${new URLSearchParams(pairs.map(([key, value]) => [key, value.toWellFormed()]))}`),
)
const header = fc.constantFrom("if-match", "idempotency-key", "content-type", "accept", "origin", "sec-fetch-site")
const headers = fc.dictionary(header, fc.stringMatching(/^[ -~]{0,40}$/), { maxKeys: 2 })

describe("whatever is sent", () => {
  it.each(TABLE.map(({ method, path }) => [method, path] as const))(
    "%s %s never fails by itself",
    async (method, path) => {
      const property = fc.asyncProperty(
        body,
        fc.array(segment, { minLength: 3, maxLength: 3 }),
        search,
        headers,
        async (...input) => {
          const [text, segments, query, extra] = input
          let next = 0
          const target = path.replaceAll(/\{\w+\}/g, () => segments[next++]!) + query
          const response = await call(method, target, { headers: extra, ...(method === "POST" && { body: text }) })
          expect(response.status, `${method} ${target}`).toBeLessThan(500)
          if (response.status >= 400) expect(response.headers.get("content-type")).toBe("application/problem+json")
          await response.body?.cancel()
        },
      )
      await fc.assert(property, OPTIONS)
    },
  )
})
