/** Notifications as a real server gets them, over real connections: signed so that it can check them, and never sent elsewhere. */
import { createHmac } from "node:crypto"
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { send } from "#durable-objects/webhook.ts"
import type { ServiceId } from "#shared/model/names.ts"
import type { DeliverCall, ProberRpc } from "#shared/protocol/health.ts"
import type { LocalOrigins } from "#shared/std/egress.ts"

const SECRET = "a-secret-that-only-this-test-knows"
const MESSAGE = { id: "msg_1", body: '{"status":"firing"}' }

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function sent(url: string, local: LocalOrigins = "all") {
  return send({ id: "default/oncall", url, secret: SECRET }, MESSAGE, { local, nowMs: 1_800_000_000_500 })
}

describe("a webhook", () => {
  it("brings what a receiver needs to know whom it is from, and is done with any 2xx", async () => {
    const seen: { headers: IncomingHttpHeaders; body: string; method: string | undefined }[] = []
    const url = await serve((request, response) => {
      let body = ""
      request.on("data", (chunk) => {
        body += chunk
      })
      request.on("end", () => {
        seen.push({ headers: request.headers, body, method: request.method })
        response.writeHead(202).end("thank you")
      })
    })
    expect(await sent(`${url}/weft`)).toEqual({ outcome: "taken" })
    const [{ headers, body, method }] = seen as [(typeof seen)[number]]
    expect([method, body, headers["content-type"]]).toEqual(["POST", MESSAGE.body, "application/json"])
    const text = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`
    const expected = createHmac("sha256", SECRET).update(text).digest("base64")
    expect(headers["webhook-signature"]).toBe(`v1,${expected}`)
    expect(headers["webhook-timestamp"]).toBe("1800000000")
  })

  it.each([
    ["an error", 500, {}, { outcome: "failed", because: "it answered 500" }],
    ["a wish to wait", 503, { "retry-after": "7" }, { outcome: "failed", because: "it answered 503", afterMs: 7_000 }],
    ["nonsense about waiting", 503, { "retry-after": "soon" }, { outcome: "failed", because: "it answered 503" }],
    ["a good-bye", 410, {}, { outcome: "refused", because: "it answered 410" }],
  ])("is judged by its answer: %s", async (_what, status, headers, outcome) => {
    const url = await serve((_request, response) => void response.writeHead(status, headers).end())
    expect(await sent(url)).toEqual(outcome)
  })

  it("does not read an answer that has no end", async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200)
      const timer = setInterval(() => response.write("x".repeat(65_536)), 1)
      response.on("close", () => clearInterval(timer))
    })
    expect(await sent(url)).toEqual({ outcome: "taken" })
  })

  it("follows nobody elsewhere", async () => {
    let elsewhere = 0
    const other = await serve((_request, response) => {
      elsewhere += 1
      response.end()
    })
    const url = await serve((_request, response) => void response.writeHead(308, { location: other }).end())
    expect(await sent(url)).toEqual({ outcome: "failed", because: "it answered 308" })
    expect(elsewhere).toBe(0)
  })

  it("fails when nobody listens, or hangs up", async () => {
    const url = await serve((request) => void request.socket.destroy())
    expect(await sent(url)).toEqual({ outcome: "failed", because: "it is not reachable" })
    expect(await sent("http://127.0.0.1:1")).toEqual({ outcome: "failed", because: "it is not reachable" })
  })

  it.each([
    "http://127.0.0.1:9/",
    "http://localhost/",
    "https://10.0.0.1/",
    "https://169.254.169.254/latest",
    "https://[::1]/",
    "https://2130706433/",
    "https://intranet/",
    "http://alerts.example/",
    "https://user:password@alerts.example/",
  ])("is not sent to %s", async (url) => {
    expect(await sent(url, new Set())).toEqual({ outcome: "failed", because: "this mesh may not reach its URL" })
  })
})

describe("a webhook at a service", () => {
  const calls: DeliverCall[] = []
  const sentBy = (deliver: ProberRpc["deliver"] | undefined) =>
    send({ id: "default/oncall", service: "default/notes" as ServiceId, path: "/in", secret: SECRET }, MESSAGE, {
      ...{ local: new Set<string>(), nowMs: 1_800_000_000_500 },
      ...(deliver && { proxy: { deliver } }),
    })

  it("is brought by the proxy, signed as any other", async () => {
    const deliver = async (call: DeliverCall) => {
      calls.push(call)
      return { status: 204 }
    }
    expect(await sentBy(deliver)).toEqual({ outcome: "taken" })
    const [{ service, path, headers, body }] = calls as [DeliverCall]
    expect([service, path, body]).toEqual(["default/notes", "/in", MESSAGE.body])
    const text = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`
    expect(headers["webhook-signature"]).toBe(`v1,${createHmac("sha256", SECRET).update(text).digest("base64")}`)
  })

  it.each([
    [
      "wants to wait",
      { status: 503, retryAfter: "7" },
      { outcome: "failed", because: "it answered 503", afterMs: 7_000 },
    ],
    ["is gone", { status: 410 }, { outcome: "refused", because: "it answered 410" }],
    [
      "is kept from it by the mesh",
      { status: 403, refusal: "forbidden" },
      { outcome: "failed", because: "the mesh refuses it: forbidden" },
    ],
  ])("is judged by its answer: it %s", async (_what, reply, outcome) => {
    expect(await sentBy(async () => reply)).toEqual(outcome)
  })

  it("waits for a proxy that can bring it", async () => {
    const older = () => Promise.reject(new Error('The RPC receiver does not implement the method "deliver".'))
    expect(await sentBy(older)).toEqual({ outcome: "failed", because: "the proxy does not deliver it" })
    expect(await sentBy(undefined)).toMatchObject({ outcome: "failed", because: expect.stringContaining("PROXY") })
  })
})
