/** Earlier answers while a breaker is open: what is given again, and what never is. */
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { gzipSync } from "node:zlib"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { MeshDocument } from "#shared/model/document.ts"
import { type RawRequest, startTestMesh, type TestMesh, TOKEN } from "./mesh.ts"

let mesh: TestMesh
let server: Server
/** What stood in for what was asked for, by the access log. */
const stoodIn = new Map<string, string | undefined>()
const onLog = ({ message }: { readonly message: string }) => {
  if (!message.startsWith("{")) return
  const { path, fallback } = JSON.parse(message) as { path: string; fallback?: string }
  stoodIn.set(path, fallback)
}

const stale = (more: object = {}) => ({
  breaker: { fallback: { stale: { maxAge: "10m", ignoreHeaders: ["x-build"] }, ...more } },
})

function documentFor(binding: string, port: number): MeshDocument {
  const services = {
    caller: {},
    kept: { binding, ...stale() },
    backed: { binding: "ECHO_V1", ...stale({ respond: { status: 202, body: "come back later" } }) },
    packed: { url: `http://127.0.0.1:${port}`, ...stale() },
  }
  const rules = [
    { match: { path: "/fetch" }, backends: [{ service: "caller" }] },
    ...["backed", "packed"].map((service) => ({ match: { path: `/${service}` }, backends: [{ service }] })),
    { backends: [{ service: "kept" }], filters: [{ responseHeaders: { set: { "x-filtered": "yes" } } }] },
  ]
  return { services, routes: { app: { hosts: ["*"], rules } } }
}

beforeAll(async () => {
  let served = 0
  server = createServer((request, response) => {
    if (request.url?.startsWith("/packed/probe")) return response.writeHead(200, { "cache-control": "no-store" }).end()
    served += 1
    return response
      .writeHead(200, { "content-encoding": "gzip", "content-type": "text/plain" })
      .end(gzipSync(`packed answer ${served}`))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  mesh = await startTestMesh(documentFor("ECHO_V1", port), { WEFT_LEASE_MS: "50", WEFT_ACCESS_LOG: "on" }, { onLog })
})
afterAll(async () => {
  await mesh?.stop()
  server.close()
})

async function force(phase: "open" | "closed", service = "kept"): Promise<void> {
  const body = JSON.stringify({ namespace: "default", service, phase, forSeconds: 600 })
  const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" }
  await fetch(`${mesh.controlUrl}/v1/breakers`, { method: "POST", body, headers })
  const target = `/${service}/probe?say=${encodeURIComponent('{"headers":{"cache-control":"no-store"}}')}`
  const word = async () =>
    (await mesh.raw({ target })).headers.get("weft-refusal") ?? (await mesh.raw({ target })).status
  await expect.poll(word).toBe(phase === "open" ? (service === "backed" ? 202 : "circuit_open") : 200)
}

let pages = 0
const page = (saying: object = {}) =>
  `/page-${pages++}?say=${encodeURIComponent(JSON.stringify({ headers: {}, ...saying }))}`
const told = async (target: string, more: Partial<RawRequest> = {}) => {
  const { status, headers, body } = await mesh.raw({ target, ...more })
  return headers.get("weft-fallback") === "stale"
    ? `stale ${body}`
    : (headers.get("weft-refusal") ?? `${status} ${body}`)
}
/** Copies are made in the background: soon, whatever is to be kept is. */
const settled = (target: string, answer: string, more: Partial<RawRequest> = {}) =>
  expect.poll(() => told(target, more)).toBe(answer.replace("200", "stale"))

/** What is asked while all is well, and what the same, or another one, gets afterwards. */
type Asked = Partial<RawRequest> & { readonly say?: object; readonly later?: Partial<RawRequest> }

describe("an earlier answer", () => {
  const KEPT: [string, Asked][] = [
    ["to the same request", {}],
    [
      "to one that differs in its trace only",
      { headers: [["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]] },
    ],
    [
      "to one that differs in what the operator ignores",
      { headers: [["x-build", "7"]], later: { headers: [["x-build", "8"]] } },
    ],
    ["that is public for a minute", { say: { headers: { "cache-control": "public, max-age=60" } } }],
    [
      "that varies by a header that is the same",
      { say: { headers: { vary: "x-lang, accept-encoding" } }, headers: [["x-lang", "de"]] },
    ],
    ["without a body", { say: { empty: true } }],
  ]
  const REFUSED: [string, Asked][] = [
    ["to another method", { method: "POST", body: "x" }],
    ["to a request with credentials", { headers: [["authorization", "Bearer a"]] }],
    ["to a request with cookies", { headers: [["cookie", "sid=1"]] }],
    ["to a part of it", { headers: [["range", "bytes=0-1"]] }],
    ["to one that wants nothing stored", { headers: [["cache-control", "no-store"]] }],
    ["that sets a cookie", { say: { headers: { "set-cookie": "sid=1" } } }],
    ["that is private", { say: { headers: { "cache-control": "max-age=60, private" } } }],
    ["that may not be stored", { say: { headers: { "cache-control": "No-Store" } } }],
    ["that must be asked for anew", { say: { headers: { "cache-control": "must-revalidate" } } }],
    ["that varies by everything", { say: { headers: { vary: "*" } } }],
    ["that is an error", { say: { status: 404 } }],
    ["that is too large", { say: { bytes: 300_000 } }],
    ["to one who says another tenant", { headers: [["x-tenant", "a"]], later: { headers: [["x-tenant", "b"]] } }],
    ["to one who says a tenant at all", { later: { headers: [["x-tenant", "b"]] } }],
    ["to another host", { host: "one.test", later: { host: "two.test" } }],
    ["to another language", { headers: [["accept-language", "de"]], later: { headers: [["accept-language", "fr"]] } }],
    [
      "that varies by what is not in the key",
      { say: { headers: { vary: "x-build" } }, headers: [["x-build", "7"]], later: { headers: [["x-build", "8"]] } },
    ],
    ["asked for with markup in a header that says nothing", { headers: [["x-request-id", "<script>"]], later: {} }],
  ]

  it("is given again while the breaker is open, and only then, and never to whom it is not", async () => {
    const all = [...KEPT, ...REFUSED].map(([what, { say, later, ...request }]) => {
      const target = page(say)
      return { what, target, request, later: later ?? request }
    })
    const first = new Map<string, string>()
    for (const { what, target, request } of all) first.set(what, await told(target, request))
    const again = await Promise.all(all.slice(0, 3).map(({ target, request }) => told(target, request)))
    expect(again.every((word) => word.startsWith("200 "))).toBe(true)
    await force("open")
    for (const { what, target, later } of all.slice(0, KEPT.length)) await settled(target, first.get(what)!, later)
    const got = Object.fromEntries(
      await Promise.all(all.map(async ({ what, target, later }) => [what, await told(target, later)] as const)),
    )
    const wanted = Object.fromEntries([
      ...KEPT.map(([what]) => [what, first.get(what)!.replace("200", "stale")]),
      ...REFUSED.map(([what]) => [what, "circuit_open"]),
    ])
    expect(got).toEqual(wanted)
    await force("closed")
  })

  it("says how old it is, that it stands in, and passes the rule's filters", async () => {
    const target = page({ headers: { age: "30", "x-mine": "1", "weft-debug": "fake", "content-type": "text/x-test" } })
    const askedAtMs = Date.now()
    const answer = await told(target)
    await force("open")
    await settled(target, answer)
    const { headers } = await mesh.raw({ target })
    expect(Object.fromEntries(headers)).toMatchObject({
      ...{ warning: '110 - "Response is Stale"', "weft-fallback": "stale", "x-mine": "1", "x-filtered": "yes" },
      "content-type": "text/x-test",
    })
    const age = Number(headers.get("age"))
    expect(age).toBeGreaterThanOrEqual(30)
    expect(age).toBeLessThanOrEqual(30 + Math.ceil((Date.now() - askedAtMs) / 1000))
    expect(headers.has("weft-debug")).toBe(false)
    await force("closed")
  })

  it("is whole: what broke off is kept by nobody", async () => {
    const target = page({ breaks: true })
    await mesh.raw({ target }).catch(() => {})
    const whole = page()
    const answer = await told(whole)
    await force("open")
    await settled(whole, answer)
    expect(await told(target)).toBe("circuit_open")
    await force("closed")
  })

  it("is the caller's own, inside the mesh", async () => {
    const target = page().slice(1)
    const inside = (path: string) => told(`/fetch/ANY/${path}`, { headers: [["x-target", "http://kept"]] })
    const answer = await inside(target)
    expect(answer).toMatch(/^200 answer/)
    await force("open")
    await expect.poll(() => inside(target)).toBe(answer.replace("200", "stale"))
    expect(await told(`/${target}`, { host: "kept" })).toBe("circuit_open")
    await force("closed")
  })

  it("gives way to the other fallback only where there is none", async () => {
    const [target, other] = [`/backed${page()}`, `/backed${page()}`]
    const answer = await told(target)
    await force("open", "backed")
    await settled(target, answer)
    expect(await told(other)).toBe("202 come back later")
    const pathOf = (text: string) => text.split("?")[0]!
    await expect.poll(() => [target, other].map((one) => stoodIn.get(pathOf(one)))).toEqual(["stale", "respond"])
    await force("closed", "backed")
  })

  it("from a server that packs its answers can be read", async () => {
    const read = async () => {
      const response = await fetch(`${mesh.ingressUrl}/packed`, { headers: { "accept-encoding": "gzip" } })
      return `${response.headers.get("weft-fallback")} ${await response.text()}`
    }
    expect(await read()).toBe("null packed answer 1")
    await force("open", "packed")
    await expect.poll(read).toBe("stale packed answer 1")
  })

  it("is nobody's any more when the service is somewhere else", async () => {
    const target = page()
    const answer = await told(target)
    await force("open")
    await settled(target, answer)
    await mesh.apply(documentFor("ECHO_V2", (server.address() as AddressInfo).port))
    await force("open")
    expect(await told(target)).toBe("circuit_open")
  })
})
