/** What the proxy believes of the public, and what it keeps from upstreams: byte for byte, through a gateway behind one proxy of our own. */
import { createServer, type IncomingHttpHeaders } from "node:http"
import type { AddressInfo } from "node:net"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { MeshDocument } from "#shared/model/document.ts"
import { PROBE_TYPE } from "#shared/protocol/probe.ts"
import { eventually } from "#test/support/eventually.ts"
import { type RawRequest, startTestMesh, type TestMesh, TOKEN } from "./mesh.ts"

/** A server outside the mesh, which tells what it received. */
const received: IncomingHttpHeaders[] = []
const targets: (string | undefined)[] = []
let receivedBytes = 0
const outside = createServer((request, response) => {
  received.push(request.headers)
  targets.push(request.url)
  request.on("data", (chunk) => {
    receivedBytes += chunk.length
  })
  // Hears a body out before it answers, unless it has something to say against it.
  if (request.url === "/early") {
    response.writeHead(413, { Connection: "close" }).write("too")
    setTimeout(() => response.end(" much"), 100)
    return
  }
  if (request.method === "PUT") {
    request.on("end", () => response.end("heard"))
    return
  }
  response.writeHead(200, { Connection: "X-Inner", "X-Inner": "1", "X-Kept": "1" }).end(JSON.stringify(request.headers))
})
await new Promise<void>((resolve) => outside.listen(0, "127.0.0.1", resolve))

const DOCUMENT: MeshDocument = {
  services: {
    echo: { subsets: { v1: {} } },
    outside: {
      url: `http://127.0.0.1:${(outside.address() as AddressInfo).port}`,
      breaker: { consecutive: 3 },
    },
  },
  gateways: { default: { listeners: [{ name: "any" }], clientAddress: { trustedHops: 1 } } },
  routes: {
    revision: { hosts: ["revision.test"], rules: [{ filters: [{ respond: { status: 200 } }] }] },
    app: {
      hosts: ["app.test"],
      rules: [
        { backends: [{ service: "echo" }] },
        { match: { path: "/outside" }, backends: [{ service: "outside" }] },
        { match: { path: "/early" }, backends: [{ service: "outside" }] },
        {
          match: { path: "/mirrored" },
          filters: [{ mirror: { service: "outside" } }],
          backends: [{ service: "echo" }],
        },
        {
          match: { path: "/trusted" },
          filters: [{ mirror: { service: "outside", credentials: true } }],
          backends: [{ service: "echo" }],
        },
        {
          match: { path: "/by-address", address: "203.0.113.0/24", after: "2020-01-01T00:00:00Z" },
          filters: [{ respond: { status: 204 } }],
        },
        {
          match: { path: "/by-address", before: "2020-01-01T00:00:00Z" },
          filters: [{ respond: { status: 410 } }],
        },
        {
          match: { path: "/rewritten" },
          filters: [
            {
              rewrite: {
                path: { regex: { pattern: "^/rewritten/([^/]+)", replacement: "/anew/{1}" } },
                query: { set: { b: "2" }, remove: ["secret"] },
              },
            },
            { responseHeaders: { default: { "x-default": "mesh", "x-kept": "mesh" } } },
          ],
          backends: [{ service: "outside" }],
        },
        {
          match: { path: "/limited" },
          rateLimits: [{ requests: 1, per: "1h", key: ["ip"], scope: "isolate" }],
          backends: [{ service: "echo" }],
        },
      ],
    },
  },
}

let mesh: TestMesh
beforeAll(async () => {
  mesh = await startTestMesh(DOCUMENT)
})
afterAll(async () => {
  outside.close()
  await mesh?.stop()
})

async function headersAt(target: string, ...headers: readonly (readonly [string, string])[]) {
  const { status, body } = await mesh.raw({ target, headers })
  expect(status, body).toBe(200)
  const seen = JSON.parse(body)
  return (seen.headers ?? seen) as Record<string, string>
}

describe.each(["/x", "/outside"])("headers at an upstream: %s", (target) => {
  it("tell the client's address as the proxy before the mesh wrote it down, whatever the client wrote", async () => {
    const headers = await headersAt(target, ["X-Forwarded-For", "10.0.0.1, 203.0.113.7"], ["X-Real-IP", "10.0.0.2"])
    expect(headers).toMatchObject({ "x-forwarded-for": "203.0.113.7", "x-real-ip": "203.0.113.7" })
    expect(headers).toMatchObject({ "x-forwarded-host": "app.test", "x-forwarded-proto": "http" })
  })

  it("tell no address that is none, nor one that no edge vouches for", async () => {
    for (const claim of [
      ["X-Forwarded-For", "<script>"],
      ["CF-Connecting-IP", "10.0.0.1"],
      ["Forwarded", "for=10.0.0.1"],
    ] as const) {
      const headers = await headersAt(target, claim)
      for (const name of ["x-forwarded-for", "x-real-ip", "cf-connecting-ip", "forwarded"])
        expect(headers).not.toHaveProperty(name)
    }
  })

  it("are without those that some servers take for others, and without other protocols", async () => {
    const headers = await headersAt(
      target,
      ["X_Role", "admin"],
      ["X.Role", "admin"],
      ["Upgrade", "h2c"],
      ["HTTP2-Settings", "AAMA"],
    )
    expect(Object.keys(headers).filter((name) => /role|upgrade|http2/.test(name))).toEqual([])
  })
})

describe("a request", () => {
  it("with a header that is no text is refused", async () => {
    const { status, headers } = await mesh.raw({ target: "/x", headers: [["X-A", "caf\xe9"]] })
    expect([status, headers.get("weft-refusal")]).toEqual([400, "bad_request"])
  })

  it("takes from the bucket of its client's address, not of one that it claims", async () => {
    const statusFrom = async (forwardedFor: string) =>
      (await mesh.raw({ target: "/limited", headers: [["X-Forwarded-For", forwardedFor]] })).status
    expect(await statusFrom("203.0.113.1")).toBe(200)
    expect(await statusFrom("198.51.100.1, 203.0.113.1")).toBe(429)
    expect(await statusFrom("203.0.113.2")).toBe(200)
  })

  it("takes the route of its client's address, and of the time", async () => {
    const statusFrom = async (forwardedFor: string) =>
      (await mesh.raw({ target: "/by-address", headers: [["X-Forwarded-For", forwardedFor]] })).status
    expect(await statusFrom("203.0.113.1")).toBe(204)
    expect(await statusFrom("203.0.113.1, 198.51.100.1")).toBe(200)
  })

  it("is rewritten by an expression, with another query, and answered with headers that nobody gave", async () => {
    const { status, headers } = await mesh.raw({ target: "/rewritten/x/y?a=%5b&secret=1&b=1" })
    expect([status, targets.at(-1)]).toEqual([200, "/anew/x/y?a=%5b&b=2"])
    expect([headers.get("x-default"), headers.get("x-kept")]).toEqual(["mesh", "1"])
    expect((await mesh.raw({ target: "/rewritten/..%2fx" })).status).toBe(400)
  })

  it("that ends before its small body is whole asks no upstream", async () => {
    const half: RawRequest = { target: "/outside", method: "POST", headers: [["Content-Length", "9"]], body: "half" }
    received.length = 0
    expect((await mesh.raw(half)).status).not.toBe(200)
    expect(received).toEqual([])
  })
})

describe("a large body", () => {
  const large = "x".repeat(300_000)

  it("arrives whole, with the length that it was sent with", async () => {
    received.length = receivedBytes = 0
    const { status, body } = await mesh.raw({ target: "/outside", method: "PUT", body: large })
    expect([status, body, receivedBytes]).toEqual([200, "heard", large.length])
    expect([received[0]!["content-length"], received[0]!["transfer-encoding"]]).toEqual([
      String(large.length),
      undefined,
    ])
  })

  it("that nobody wants to hear leaves the answer whole", async () => {
    const { status, body } = await mesh.raw({ target: "/early", method: "PUT", body: large })
    expect([status, body]).toEqual([413, "too much"])
  })

  it("that breaks off is its sender's fault, and opens no breaker", async () => {
    const chunks = `5\r\nabcde\r\nzz\r\nabcde\r\n0\r\n\r\n`
    const broken = {
      target: "/outside",
      method: "PUT",
      headers: [["Transfer-Encoding", "chunked"]],
      body: chunks,
    } as const
    for (let request = 0; request < 6; request++) {
      const { status, headers } = await mesh.raw({ ...broken, keepsOpen: true })
      expect([status, headers.get("weft-refusal")]).toEqual([400, "bad_request"])
    }
    expect((await mesh.raw({ target: "/outside", method: "PUT", body: "whole" })).status).toBe(200)
  })

  it("of a GET is waited for like any other", async () => {
    const half: RawRequest = { target: "/outside", headers: [["Content-Length", "9"]], body: "half" }
    received.length = 0
    expect((await mesh.raw(half)).status).not.toBe(200)
    expect(received).toEqual([])
    const whole = await mesh.raw({ target: "/outside", headers: [["Content-Length", "5"]], body: "whole" })
    expect([whole.status, received.length]).toEqual([200, 1])
  })
})

describe("a mirror", () => {
  const credentials = [
    ["Authorization", "Bearer s3cret"],
    ["Cookie", "session=1"],
    ["X-Plain", "1"],
  ] as const

  async function copyOf(request: Partial<RawRequest> & { target: string }): Promise<IncomingHttpHeaders> {
    received.length = 0
    const { status } = await mesh.raw({ headers: credentials, ...request })
    expect(status).toBe(200)
    await expect.poll(() => received.length).toBe(1)
    return received[0]!
  }

  it("gets no credentials, with a body and without", async () => {
    for (const more of [{}, { method: "POST", body: "some" }]) {
      const copy = await copyOf({ target: "/mirrored", ...more })
      expect([copy.authorization, copy.cookie, copy["x-plain"]]).toEqual([undefined, undefined, "1"])
    }
  })

  it("gets them where the route says so", async () => {
    const copy = await copyOf({ target: "/trusted" })
    expect([copy.authorization, copy.cookie]).toEqual(["Bearer s3cret", "session=1"])
  })
})

describe("a probe", () => {
  const probe = (ticket: string, more: Partial<RawRequest> = {}) =>
    mesh.raw({ target: "/a/../b?q=1", ...more, headers: [["Weft-Probe", ticket], ...(more.headers ?? [])] })

  async function ticketOf(): Promise<string> {
    const init = { method: "POST", headers: { authorization: `Bearer ${TOKEN}` } }
    const response = await fetch(`${mesh.controlUrl}/v1/probe-ticket`, init)
    return ((await response.json()) as { ticket: string }).ticket
  }

  it("with a ticket of control's is told what was received, and goes nowhere", async () => {
    const ticket = await ticketOf()
    received.length = 0
    let answer = await probe(ticket)
    // The isolate hears of the key with its next question.
    await eventually(async () => {
      answer = await probe(ticket)
      return answer.headers.get("content-type") === PROBE_TYPE
    }, 100)
    received.length = 0
    expect([answer.status, answer.headers.get("cache-control")]).toEqual([200, "no-store"])
    expect(JSON.parse(answer.body)).toMatchObject({
      received: { method: "GET", url: "http://app.test/a/../b?q=1" },
      canonical: { host: "app.test", path: "/b", query: "q=1" },
      settings: { debug: true, localOrigins: true },
    })
    const cookie = [["Cookie", "session=s3cret"]] as const
    expect((await probe(ticket, { headers: cookie })).body).not.toContain("s3cret")
    const refused = await probe(ticket, { target: "/outside/a%5cb" })
    expect(JSON.parse(refused.body).canonical).toMatchObject({ refusal: "bad_request" })
    const measured = JSON.parse((await probe(`${ticket} objects`, { target: "/outside" })).body)
    expect(measured.objects).toMatchObject({ ROUTE_TABLE: { ms: expect.any(Number) } })
    expect(received).toEqual([])
  })

  it("with any other ticket is a request like all, and its upstream does not see it", async () => {
    const ticket = await ticketOf()
    const [seconds, signature] = ticket.split(".") as [string, string]
    const revision = `1.${seconds}.${signature}`
    for (const forged of ["", "x", `${Number(seconds) + 1}.${signature}`, `1.${signature}`, revision, `${ticket}x`]) {
      const { status, headers, body } = await probe(forged, { target: "/outside" })
      expect([status, headers.get("content-type") === PROBE_TYPE]).toEqual([200, false])
      expect(JSON.parse(body)).not.toHaveProperty("weft-probe")
    }
  })
})
