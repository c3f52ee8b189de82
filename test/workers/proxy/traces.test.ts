/** Traces of a chain of four hops, as a collector gets them. All requests are made first: spans come seconds later, and together. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { eventually } from "#test/support/eventually.ts"
import type { Fleet } from "#test/support/fleet.ts"
import { type ReceivedSpan, type Receiver, startReceiver, treeOf } from "#test/support/otlp.ts"
import { CHAIN, startTracedChain } from "#test/support/traced-chain.ts"

const PARENT = "b7ad6b7169203331"
const KINDS = ["", "internal", "server", "client"]
const trace = (digit: number) => `0af7651916cd43dd8448eb211c80319${digit}`
/** Spans of one request through the chain: an exchange and an attempt a hop. */
const WHOLE = 8

interface Given {
  readonly traceparent: string
}

let receiver: Receiver
let fleet: Fleet
/** What the last service was given. */
let given: Readonly<Record<"rpc" | "retried" | "unsampled" | "b3" | "b3Single" | "debugged", Given>>
let failed: Response

async function ask(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Given> {
  return (await (await fleet.request("weft", path, headers)).json()) as Given
}

beforeAll(async () => {
  receiver = await startReceiver()
  fleet = await startTracedChain(receiver.url, {
    WEFT_TRACE_PERCENT: "100",
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20abc,x-team=mesh",
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
  })
  await fleet.apply(CHAIN)
  for (let status = 0; status !== 200; ) ({ status } = await fleet.request("weft", "/quiet"))
  await fleet.request("weft", "/quiet", { traceparent: `00-${trace(1)}-${PARENT}-01` })
  given = {
    rpc: await ask("/rpc?token=secret"),
    retried: await ask("/items/7?fail=1"),
    unsampled: await ask("/", { traceparent: `00-${trace(2)}-${PARENT}-00` }),
    b3: await ask("/", { "x-b3-traceid": trace(3).slice(16), "x-b3-spanid": PARENT }),
    b3Single: await ask("/", { b3: `${trace(4)}-${PARENT}-1` }),
    debugged: await ask("/quiet", { "weft-debug": "1" }),
  }
  failed = await fleet.request("weft", "/quiet?fail=9", { traceparent: `00-${trace(5)}-${PARENT}-01` })
  const expected = Object.keys(given).length * WHOLE + 1 + 4
  await eventually(() => receiver.spans.length >= expected)
})
afterAll(async () => {
  await fleet?.stop()
  receiver?.close()
})

const traceIdOf = ({ traceparent }: Given) => traceparent.split("-")[1]!
const spansOf = (traceId: string) => receiver.spans.filter((span) => span.traceId === traceId)
const shown = ({ name, service, kind }: ReceivedSpan) => `${name} (${service}, ${KINDS[kind]})`

describe("a trace", () => {
  it("is taken whole by a receiver that takes nothing but the protocol", () => {
    expect(receiver.problems).toEqual([])
    expect(receiver.requests[0]!.headers).toMatchObject({ authorization: "Bearer abc", "x-team": "mesh" })
    expect(JSON.stringify(receiver.spans)).not.toContain("secret")
  })

  it("is one tree over four hops, by fetch and by RPC, that begins at the gateway", () => {
    const spans = spansOf(traceIdOf(given.rpc))
    expect(treeOf(spans, shown)).toEqual([
      "GET (gateway default, server)",
      "  GET (gateway default, client)",
      "    default/orders/told (storefront, internal)",
      "      default/orders/told (storefront, client)",
      "        default/payments/told (orders, internal)",
      "          default/payments/told (orders, client)",
      "            default/ledger/told (payments, internal)",
      "              default/ledger/told (payments, client)",
    ])
    const last = spans.find(({ attributes }) => attributes["weft.endpoint"] === "LEDGER")!
    expect(given.rpc.traceparent).toBe(`00-${last.traceId}-${last.spanId}-03`)
  })

  it("has a span for each attempt, and says why there was another one", () => {
    const spans = spansOf(traceIdOf(given.retried))
    expect(treeOf(spans, (span) => (span.failed ? `${shown(span)} failed` : shown(span)))).toEqual([
      "GET /items/{id} (gateway default, server)",
      "  GET (gateway default, client)",
      "    GET (storefront, internal)",
      "      GET (storefront, client)",
      "        GET (orders, internal)",
      "          GET (orders, client)",
      "            GET (payments, internal)",
      "              GET (payments, client) failed",
      "              GET (payments, client)",
    ])
    expect(spans.find(({ kind }) => KINDS[kind] === "server")!.attributes).toMatchObject({
      ...{ "http.request.method": "GET", "http.route": "/items/{id}", "url.path": "/items/7" },
      ...{ "http.response.status_code": 200, "weft.rule": "default/shop/items", "weft.from": "public" },
    })
    const [retried] = spans.filter(({ events }) => events.length > 0)
    expect(retried!.events).toMatchObject([{ name: "weft.retry", attributes: { "weft.because": 503 } }])
  })

  it("is recorded at all hops or at none, by the share of its rule and not by what its public sender says", () => {
    expect(given.unsampled.traceparent).toMatch(new RegExp(`^00-${trace(2)}-[0-9a-f]{16}-01$`))
    const spans = spansOf(trace(2))
    expect(spans).toHaveLength(WHOLE)
    expect(spans.find(({ kind }) => KINDS[kind] === "server")!.parentSpanId).toBe(PARENT)
    expect(spansOf(trace(1))).toEqual([])
  })

  it("is recorded all the same for who may ask how the mesh decides", () => {
    expect(spansOf(traceIdOf(given.debugged))).toHaveLength(WHOLE)
  })

  it("is recorded where it fails, by one span a hop, which are connected", () => {
    expect(failed.status).toBe(503)
    expect(treeOf(spansOf(trace(5)), shown)).toEqual([
      "GET /quiet (gateway default, server)",
      "  GET (storefront, internal)",
      "    GET (orders, internal)",
      "      GET (payments, internal)",
    ])
  })

  it("goes on where its sender tells of it by B3", () => {
    expect(given.b3.traceparent).toMatch(new RegExp(`^00-${"0".repeat(16)}${trace(3).slice(16)}-[0-9a-f]{16}-01$`))
    expect(traceIdOf(given.b3Single)).toBe(trace(4))
    expect(spansOf(trace(4)).find(({ kind }) => KINDS[kind] === "server")!.parentSpanId).toBe(PARENT)
  })
})
