import { createServer, type IncomingMessage, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { admit } from "#shared/exchange/admit.ts"
import { PROBE_TYPE, type ProbeReport } from "#shared/protocol/probe.ts"
import { weft } from "#test/support/cli.ts"
import { type FakeControl, fakeNowMs, startFakeControl, TOKEN } from "#test/support/fake-control.ts"

/** What an edge between the client and the proxy does to requests; what it is told, it may keep to itself. */
interface Edge {
  colo?: string
  target?: (target: string) => string
  host?: (host: string) => string
  keepsForgedAddress?: boolean
  settings?: Partial<ProbeReport["settings"]>
  objects?: NonNullable<ProbeReport["objects"]>
  nowMs?: number
  /** In the place of the proxy's answer. */
  answers?: number
}

let control: FakeControl
let edge: Edge
let server: Server
let url: string

beforeAll(async () => {
  control = await startFakeControl()
  control.intercept = (request) =>
    new URL(request.url).pathname === "/v1/probe-ticket" ? Response.json({ ticket: "t", expiresAtMs: 0 }) : undefined
  server = createServer({ maxHeaderSize: 64 * 1024 }, (request, response) => {
    // The runtime gives what is no UTF-8 as U+FFFD, which Node's headers cannot hold.
    const isBroken = request.rawHeaders.some((text) => text.includes("\xff"))
    if (isBroken) return void response.writeHead(400).end()
    const report = reportOf(request)
    const status = edge.answers ?? 200
    response.writeHead(status, { "content-type": edge.answers ? "text/html" : PROBE_TYPE }).end(JSON.stringify(report))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  url = `http://localhost:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  await control.stop()
  server.close()
})
beforeEach(() => {
  edge = {}
})

/** As the proxy reports, by its own code. */
function reportOf(request: IncomingMessage): ProbeReport {
  const { target = (same) => same, host = (same) => same, colo, keepsForgedAddress } = edge
  const headers = new Headers()
  for (let at = 0; at < request.rawHeaders.length; at += 2)
    headers.append(request.rawHeaders[at]!, request.rawHeaders[at + 1]!)
  headers.set("host", host(headers.get("host")!))
  if (colo && !keepsForgedAddress) headers.set("cf-connecting-ip", "198.51.100.1")
  const raw = { method: request.method!, url: `http://${headers.get("host")}${target(request.url!)}`, headers }
  const admitted = admit(raw, "gateway", { edge: colo !== undefined, keepsAmbiguousNames: false })
  const { host: named = "", path = "", rawQuery: query = "" } = "refusal" in admitted ? {} : admitted.address
  return {
    received: { method: raw.method, url: raw.url, headers: [...headers] },
    canonical: "refusal" in admitted ? { refusal: admitted.refusal } : { host: named, path, query },
    ...(colo && { colo }),
    nowMs: edge.nowMs ?? fakeNowMs,
    revision: 7,
    settings: { debug: false, localOrigins: false, ambiguousHeaders: false, missing: [], ...edge.settings },
    ...(String(headers.get("weft-probe")).endsWith(" objects") && { objects: edge.objects ?? { RELAY: { ms: 3 } } }),
  }
}

async function examine(): Promise<{ exit: number; levels: Record<string, string>; all: Record<string, string> }> {
  const { exit, out } = await weft(["doctor", url, "-o", "json"], { env: { WEFT_URL: control.url, WEFT_TOKEN: TOKEN } })
  const { findings } = JSON.parse(out) as { findings: { level: string; of: string; found: string }[] }
  const named = (field: "level" | "found", some: typeof findings) =>
    Object.fromEntries(some.map((one) => [one.of, one[field]]))
  return {
    exit,
    levels: named(
      "level",
      findings.filter(({ level }) => level !== "ok"),
    ),
    all: named("found", findings),
  }
}

describe("weft doctor", () => {
  it("is content with an edge that passes on what it gets", async () => {
    edge = { colo: "AMS" }
    const { exit, levels, all } = await examine()
    expect(levels).toEqual({})
    expect(exit).toBe(0)
    expect(all).toMatchObject({
      proxy: expect.stringMatching(/^in AMS, revision 7/),
      "path /weft-doctor/a/../b": "arrives as sent; the mesh reads /weft-doctor/b",
      "path /weft-doctor/a%2fb":
        "arrives as sent; the mesh reads /weft-doctor/a%2Fb, and refuses it but for rules that keep it",
      "path of 9,000 bytes": "the mesh refuses it: uri_too_long",
      "201 headers": "the mesh refuses it: headers_too_large",
      "method TRACE": "the mesh refuses it: method_not_supported",
      "cf-connecting-ip of the client's own": "the edge replaces it",
      "a header that is there twice": "arrives with both values, in their order",
    })
  })

  it("takes repaired paths for what they are, and tells of those that lead elsewhere", async () => {
    edge = { target: (target) => new URL(target, "http://a").pathname.replace(/%2f/i, "/") }
    expect((await examine()).levels).toEqual({
      "path /weft-doctor/a%2fb": "note",
      "path /weft-doctor/a\\b": "note",
    })
    edge = { target: (target) => target.replace("%25", "%") }
    expect(await examine()).toMatchObject({ exit: 0, levels: { "path /weft-doctor/%2561": "warning" } })
  })

  it("says when clients can say where they are from, and when somebody changes hosts", async () => {
    edge = { colo: "AMS", keepsForgedAddress: true }
    expect(await examine()).toMatchObject({ exit: 1, levels: { "cf-connecting-ip of the client's own": "failure" } })
    edge = { host: () => "other.example" }
    const { exit, levels } = await examine()
    expect([exit, Object.values(levels)]).toEqual([1, ["failure", "failure", "failure", "failure"]])
  })

  it("tells of settings for development, of objects that are far or gone, of clocks that differ", async () => {
    const objects = { ROUTE_TABLE: { failed: true }, RELAY: { ms: 70 }, KEY_RING: { ms: 1_200 } } as const
    const settings = { debug: true, localOrigins: true, ambiguousHeaders: true, missing: ["WEFT_KV"] }
    edge = { colo: "AMS", objects, settings, nowMs: fakeNowMs - 3_600_000 }
    const { exit, levels } = await examine()
    expect(exit).toBe(1)
    expect(levels).toEqual({
      clock: "warning",
      WEFT_LOCAL_ORIGINS: "failure",
      WEFT_DEBUG: "warning",
      WEFT_AMBIGUOUS_HEADERS: "warning",
      bindings: "note",
      "object ROUTE_TABLE": "failure",
      "object RELAY": "note",
      "object KEY_RING": "warning",
    })
  })

  it("knows whose answer it has, and says where it found nobody", async () => {
    edge = { answers: 200 }
    const env = { WEFT_URL: control.url, WEFT_TOKEN: TOKEN }
    expect(await weft(["doctor", url], { env })).toMatchObject({
      exit: 1,
      err: expect.stringContaining("not as a proxy of this mesh"),
    })
    expect(await weft(["doctor", "http://127.0.0.1:1"], { env })).toMatchObject({ exit: 3 })
    expect(await weft(["doctor", "ftp://a"], { env })).toMatchObject({ exit: 2 })
    const elsewhere = { WEFT_URL: "https://control.example", WEFT_TOKEN: TOKEN }
    expect(await weft(["doctor"], { env: elsewhere })).toMatchObject({ exit: 2 })
  })
})
