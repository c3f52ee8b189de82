/** A mesh of test Workers for the proxy's tests, and raw HTTP to its ingress: no client in between that would repair a request. */
import { connect } from "node:net"
import { join, resolve } from "node:path"
import { type LocalMesh, type LocalMeshOptions, startLocalMesh } from "#cli/local/mesh.ts"
import { apply } from "#cli/local/seed.ts"
import type { MeshDocument } from "#shared/model/document.ts"

const ROOT = resolve(import.meta.dirname, "../../..")
const WORKERS = join(import.meta.dirname, "workers")
export const TOKEN = "weft_token_of_the_proxy_tests"

export interface TestMesh extends LocalMesh {
  /** Applies a document and waits until the proxy serves it. */
  apply(document: MeshDocument): Promise<void>
  raw(request: RawRequest): Promise<RawResponse>
}

export interface RawRequest {
  readonly method?: string
  readonly target: string
  readonly host?: string
  readonly headers?: readonly (readonly [string, string])[]
  readonly body?: string
  /** Sends no end after the body, as a client that is still to send more. */
  readonly keepsOpen?: boolean
}

export interface RawResponse {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

const PROJECTS = [
  "echo/wrangler.v1.toml",
  "echo/wrangler.v2.toml",
  "callee",
  "callee/wrangler.v2.toml",
  "caller",
  "tenants",
  "issuer",
  "certified",
]

interface MeshOptions {
  readonly proxy?: string
  readonly projects?: readonly string[]
  readonly onLog?: LocalMeshOptions["onLog"]
}

/** With other Workers than usual, where a test needs others. */
export async function startTestMesh(
  document: MeshDocument,
  vars: Readonly<Record<string, string>> = {},
  { proxy = "proxy/wrangler.toml", projects = PROJECTS, onLog }: MeshOptions = {},
): Promise<TestMesh> {
  const mesh = await startLocalMesh({
    proxyConfig: join(WORKERS, proxy),
    controlConfig: join(ROOT, "workers/control/wrangler.toml"),
    projects: projects.map((path) => join(WORKERS, path)),
    ingressPort: 0,
    controlPort: 0,
    adminToken: TOKEN,
    vars: { weft: { WEFT_DEBUG: "on", ...vars } },
    ...(onLog && { onLog }),
  })
  const raw = (request: RawRequest) => sendRaw(Number(new URL(mesh.ingressUrl).port), request)
  const applyAndWait = async (next: MeshDocument) => {
    const { revision } = await apply(mesh.controlUrl, TOKEN, { documents: [{ source: "test", content: next }] })
    for (const deadline = Date.now() + 100_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
      const { headers } = await raw({ target: "/", host: "revision.test", headers: [["weft-debug", "1"]] })
      if (Number(/revision=(\d+)/.exec(headers.get("weft-debug") ?? "")?.[1]) >= revision) return
      if (Date.now() > deadline) throw new Error(`the proxy does not serve revision ${revision}`)
    }
  }
  await applyAndWait(document)
  return { ...mesh, apply: applyAndWait, raw }
}

function sendRaw(
  port: number,
  { method = "GET", target, host = "app.test", headers = [], body = "", keepsOpen = false }: RawRequest,
): Promise<RawResponse> {
  const lines = [
    `${method} ${target} HTTP/1.1`,
    `Host: ${host}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ]
  const names = headers.map(([name]) => name.toLowerCase())
  const framed = names.includes("transfer-encoding") || names.includes("content-length")
  if (body !== "" && !framed) lines.push(`Content-Length: ${Buffer.byteLength(body)}`)
  if (!names.includes("connection")) lines.push("Connection: close")
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1")
    const chunks: Buffer[] = []
    socket.on("data", (chunk) => chunks.push(chunk))
    socket.on("error", reject)
    socket.on("close", () => resolve(parse(Buffer.concat(chunks))))
    socket.setTimeout(100_000, () => socket.destroy())
    socket.write(`${lines.join("\r\n")}\r\n\r\n${body}`, "latin1")
    if (!keepsOpen) socket.end()
  })
}

function parse(bytes: Buffer): RawResponse {
  const text = bytes.toString("latin1")
  const end = text.indexOf("\r\n\r\n")
  const [statusLine = "", ...lines] = text.slice(0, end).split("\r\n")
  const headers = new Headers()
  for (const line of lines) headers.append(line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim())
  const payload = text.slice(end + 4)
  const body = headers.get("transfer-encoding") === "chunked" ? dechunk(payload) : payload
  return { status: Number(statusLine.split(" ")[1]), headers, body }
}

function dechunk(text: string): string {
  const end = text.indexOf("\r\n")
  const size = Number.parseInt(text.slice(0, end), 16)
  return size > 0 ? text.slice(end + 2, end + 2 + size) + dechunk(text.slice(end + 2 + size + 2)) : ""
}
