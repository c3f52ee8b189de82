/** Who calls, as servers outside the mesh are told: verified the way that such a server does it. */
import { createServer, type IncomingHttpHeaders } from "node:http"
import type { AddressInfo } from "node:net"
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from "jose"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { MeshDocument } from "#shared/model/document.ts"
import { startTestMesh, type TestMesh } from "./mesh.ts"

const received: IncomingHttpHeaders[] = []
const outside = createServer((request, response) => {
  received.push(request.headers)
  response.writeHead(request.url === "/again" && received.length === 1 ? 503 : 200).end("ok")
})
await new Promise<void>((resolve) => outside.listen(0, "127.0.0.1", resolve))
const url = `http://127.0.0.1:${(outside.address() as AddressInfo).port}`

const DOCUMENT: MeshDocument = {
  services: {
    caller: {},
    echo: {},
    told: { url, identity: {} },
    bearer: { url, identity: { audience: "billing", header: "Authorization" } },
    plain: { url },
    certified: { url, mtls: "CERTIFICATE", identity: {} },
    unbound: { url, mtls: "NOTHING" },
  },
  routes: {
    revision: { hosts: ["revision.test"], rules: [{ filters: [{ respond: { status: 200 } }] }] },
    app: {
      hosts: ["app.test"],
      rules: [
        { match: { path: "/fetch" }, backends: [{ service: "caller" }] },
        ...["told", "bearer", "plain", "certified", "unbound"].map((service) => {
          return { match: { path: `/${service}` }, backends: [{ service }] }
        }),
        { match: { path: "/copied" }, filters: [{ mirror: { service: "told" } }], backends: [{ service: "echo" }] },
        {
          match: { path: "/again" },
          retry: { attempts: 1, on: ["5xx"], backoff: "1ms" },
          backends: [{ service: "told" }],
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

async function receivedAt(target: string, ...headers: readonly (readonly [string, string])[]) {
  received.length = 0
  const { status, body } = await mesh.raw({ target, headers })
  expect(status, body).toBe(200)
  return received[0]!
}

async function verified(token: string | undefined, audience = url): Promise<JWTPayload> {
  const keys = createRemoteJWKSet(new URL(`${mesh.controlUrl}/.well-known/jwks.json`))
  return (await jwtVerify(token ?? "", keys, { audience, algorithms: ["ES256"], typ: "JWT" })).payload
}

describe("a server outside the mesh", () => {
  it("is told which gateway a request of the public came by", async () => {
    const headers = await receivedAt("/told", ["Weft-Identity", "a.b.c"], ["Weft_Identity", "a.b.c"])
    expect((await verified(headers["weft-identity"] as string)).sub).toBe("spiffe://weft/default/gateway/default")
    expect(headers).not.toHaveProperty("weft_identity")
  })

  it("is told which service calls, whatever that says itself", async () => {
    const headers = await receivedAt("/fetch/ANY/x", ["x-target", "http://told"], ["x-weft-identity", "x"])
    expect((await verified(headers["weft-identity"] as string)).sub).toBe("spiffe://weft/default/caller")
  })

  it("gets the token where it looks for one, made for it", async () => {
    const headers = await receivedAt("/bearer", ["Authorization", "Bearer of-somebody-else"])
    const [scheme, token] = headers.authorization!.split(" ")
    expect(scheme).toBe("Bearer")
    await verified(token, "billing")
    await expect(verified(token)).rejects.toThrow("aud")
  })

  it("gets a token with each attempt, and with a copy", async () => {
    await receivedAt("/again")
    expect(received).toHaveLength(2)
    for (const headers of received) await verified(headers["weft-identity"] as string)
    received.length = 0
    expect((await mesh.raw({ target: "/copied" })).status).toBe(200)
    await expect.poll(() => received.length).toBe(1)
    await verified(received[0]!["weft-identity"] as string)
  })

  it("is told nothing where nobody asked for it", async () => {
    const headers = await receivedAt("/plain")
    expect(headers).not.toHaveProperty("weft-identity")
  })

  it("is reached past the certificate's binding, and not at all without it", async () => {
    const headers = await receivedAt("/certified")
    expect(headers["x-client-certificate"]).toBe("CN=mesh")
    await verified(headers["weft-identity"] as string)
    const { status, headers: answer } = await mesh.raw({ target: "/unbound" })
    expect([status, answer.get("weft-refusal")]).toEqual([503, "no_healthy_endpoint"])
  })

  it("gets one token for many requests of an isolate", async () => {
    const tokens = new Set<unknown>()
    for (let count = 0; count < 5; count++) tokens.add((await receivedAt("/told"))["weft-identity"])
    expect(tokens.size).toBe(1)
  })
})
