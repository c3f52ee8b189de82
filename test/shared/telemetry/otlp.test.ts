import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { ServiceId } from "#shared/model/names.ts"
import type { AccessRecord } from "#shared/telemetry/access-record.ts"
import { Journal } from "#shared/telemetry/journal.ts"
import { encodeSpans, spanCount } from "#shared/telemetry/otlp.ts"
import { recorded } from "#shared/telemetry/recorded.ts"
import { readSpans } from "#test/support/otlp.ts"

const TRACE = { traceId: "a".repeat(32), parentId: "b".repeat(16), spanId: "c".repeat(16), flags: "03" }
const RECORD = {
  ...{ atMs: 1_767_000_000_000, durationMs: 30, protocol: "http", from: undefined, to: "shop/orders", method: "GET" },
  ...{ host: "shop.example", path: "/orders/7", status: 200, attempts: 1, revision: 3, trace: TRACE },
} as unknown as AccessRecord
const GATEWAY = { gateway: "infra/web", colo: "AMS", pattern: "/orders/{id}" }
const INSIDE = { gateway: undefined, colo: undefined, pattern: undefined }
const ISOLATE = { instance: "i1", attributes: { "service.version": "7" } }

const spansOf = (record: Partial<AccessRecord>, around: typeof GATEWAY | typeof INSIDE = GATEWAY, journal?: Journal) =>
  readSpans(encodeSpans([recorded({ ...RECORD, ...record }, around, journal)], ISOLATE))

describe("the span of an exchange", () => {
  it("is the gateway's server, named by the pattern of its path", () => {
    expect(spansOf({})).toMatchObject([
      {
        ...{ name: "GET /orders/{id}", kind: 2, service: "gateway web", parentSpanId: TRACE.parentId, failed: false },
        attributes: { "http.route": "/orders/{id}", "url.path": "/orders/7", "weft.revision": 3 },
      },
    ])
  })

  it("is the calling service's own inside", () => {
    const [span] = spansOf({ from: "shop/storefront" as ServiceId, protocol: "rpc", method: "list" }, INSIDE)
    expect(span).toMatchObject({ name: "shop/orders/list", kind: 1, service: "storefront" })
    expect(span!.attributes).toMatchObject({ "rpc.method": "list", "weft.from": "shop/storefront" })
  })

  it("is named by no method that somebody made up", () => {
    const [span] = spansOf({ method: "BREW" }, { ...GATEWAY, pattern: "/" })
    expect(span).toMatchObject({ name: "HTTP /", attributes: { "http.request.method": "_OTHER" } })
    expect(span!.attributes["http.request.method_original"]).toBe("BREW")
  })

  it("failed with 5xx, for the reason that the mesh had, and not with 4xx", () => {
    const [refused] = spansOf({ status: 503, refusal: "circuit_open" })
    expect(refused).toMatchObject({ failed: true, attributes: { "error.type": "circuit_open" } })
    expect(spansOf({ status: 502 })[0]!.attributes["error.type"]).toBe("502")
    expect(spansOf({ status: 404 })[0]!.failed).toBe(false)
  })

  it("tells what was decided as events", () => {
    const [span] = spansOf({
      ...{ deniedBy: ["default/p"], refusedBy: ["l"], fallback: "stale", credential: "expired", budgetExhausted: true },
      floorMissed: 9,
    } as Partial<AccessRecord>)
    expect(span!.events.map(({ name }) => name)).toEqual([
      ...["weft.credential", "weft.access", "weft.rate_limit", "weft.fallback", "weft.budget_exhausted"],
      "weft.floor_missed",
    ])
    expect(span!.events[1]!.attributes).toEqual({ "weft.denied_by": "default/p" })
  })
})

describe("the spans of attempts", () => {
  const attempt = (digit: string) => ({
    ...{ spanId: digit.repeat(16), startedAtMs: RECORD.atMs, to: "shop/orders", endpoint: "ORDERS" },
  })

  it("are the exchange's children, with their place, and the number of each that came after another", () => {
    const journal = new Journal()
    Object.assign(journal.begin(attempt("1")), { endedAtMs: RECORD.atMs + 5, refusal: "upstream_timeout" })
    journal.decided("retry", RECORD.atMs + 6, { wait_ms: 2 })
    Object.assign(journal.begin(attempt("2")), { endedAtMs: RECORD.atMs + 9, status: 200 })
    const [exchange, first, second] = spansOf({ attempts: 2 }, GATEWAY, journal)
    expect([first, second].map((span) => span!.parentSpanId)).toEqual([exchange!.spanId, exchange!.spanId])
    expect(first).toMatchObject({ failed: true, kind: 3, attributes: { "error.type": "upstream_timeout" } })
    expect(second).toMatchObject({ failed: false, attributes: { "http.request.resend_count": 1 } })
    expect(second!.attributes["weft.endpoint"]).toBe("ORDERS")
  })

  it("end with the exchange where nobody waited for their end", () => {
    const journal = new Journal()
    journal.begin(attempt("1"))
    expect(spansOf({}, GATEWAY, journal)[1]).toMatchObject({ failed: true, endMs: RECORD.atMs + RECORD.durationMs })
  })

  it("are none where a guard let nothing go", () => {
    const journal = new Journal()
    journal.heldBack(journal.begin(attempt("1")), "circuit_open", RECORD.atMs)
    const spans = spansOf({}, GATEWAY, journal)
    expect(spans).toHaveLength(1)
    expect(spans[0]!.events).toMatchObject([{ name: "weft.held_back", attributes: { "weft.refusal": "circuit_open" } }])
  })

  it("are as many as there is room for, and the rest is counted", () => {
    const journal = new Journal()
    for (let time = 0; time < LIMITS.attemptsTold + 3; time++) journal.begin(attempt("1"))
    for (let time = 0; time < LIMITS.decisionsMax + 4; time++) journal.decided("retry", 0)
    expect([journal.attempts.length, journal.decisions.length, journal.dropped]).toEqual([
      ...[LIMITS.attemptsTold, LIMITS.decisionsMax, 7],
    ])
  })
})

describe("what is sent", () => {
  it("is a resource for each who asked, with what the operator says of all", () => {
    const one = recorded(RECORD, GATEWAY, undefined)
    const other = recorded({ ...RECORD, from: "shop/storefront" as ServiceId }, INSIDE, undefined)
    const { resourceSpans } = encodeSpans([one, other, one], ISOLATE)
    expect(resourceSpans.map(({ scopeSpans }) => scopeSpans[0]!.spans.length)).toEqual([2, 1])
    expect(resourceSpans[0]!.resource.attributes).toContainEqual({
      key: "service.version",
      value: { stringValue: "7" },
    })
    expect(resourceSpans[1]!.resource.attributes).toContainEqual({
      ...{ key: "service.namespace", value: { stringValue: "shop" } },
    })
  })

  it("is what the protocol allows, whatever a request brings", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.integer({ min: 200, max: 599 }), (method, path, status) => {
        const one = recorded({ ...RECORD, method, path, status }, GATEWAY, undefined)
        expect(readSpans(JSON.parse(JSON.stringify(encodeSpans([one], ISOLATE))))).toHaveLength(spanCount(one))
      }),
    )
  })
})
