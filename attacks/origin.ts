/** An upstream by URL: a server that reads bytes, keeps what arrived as it arrived, and answers as it is told, whether HTTP allows it or not. */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net"
import { type Arrival, type Reply, replyTo, type Script } from "./upstream.ts"
import { readChunks } from "./wire.ts"

export class Origin {
  readonly #servers: Server[] = []
  readonly #sockets = new Set<Socket>()
  readonly ports = new Map<string, number>()
  #arrivals: Arrival[] = []
  script: Script = {}

  /** One port for each name. */
  static async listen(names: readonly string[]): Promise<Origin> {
    const origin = new Origin()
    for (const name of names) {
      const server = createServer((socket) => origin.#serve(name, socket))
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      origin.#servers.push(server)
      origin.ports.set(name, (server.address() as AddressInfo).port)
    }
    return origin
  }

  urlOf(name: string): string {
    return `http://127.0.0.1:${this.ports.get(name)}`
  }

  /** What arrived since it was last asked for. */
  drain(): Arrival[] {
    const arrivals = this.#arrivals
    this.#arrivals = []
    return arrivals
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))))
  }

  #serve(service: string, socket: Socket): void {
    this.#sockets.add(socket)
    let raw = ""
    socket.on("data", (chunk) => {
      raw += chunk.toString("latin1")
      for (let read = readRequest(raw); read; read = readRequest(raw)) {
        raw = read.rest
        this.#arrivals.push({ service, via: "url", ...read.request, complete: true })
        answer(socket, service, read.request, replyTo(this.script, service, read.request.target))
      }
    })
    socket.on("close", () => {
      this.#sockets.delete(socket)
      const half = readRequest(raw, "as far as it came")
      if (half) this.#arrivals.push({ service, via: "url", ...half.request, complete: false })
    })
    socket.on("error", () => {})
  }
}

type Request = Pick<Arrival, "method" | "target" | "headers" | "body">

/** Undefined while there is more to come. */
function readRequest(raw: string, half?: "as far as it came"): { request: Request; rest: string } | undefined {
  const end = raw.indexOf("\r\n\r\n")
  if (end < 0) return undefined
  const [requestLine = "", ...lines] = raw.slice(0, end).split("\r\n")
  const [method = "", target = ""] = requestLine.split(" ")
  const headers = lines.map((line) => {
    const colon = line.indexOf(":")
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
  })
  const payload = raw.slice(end + 4)
  const framed = bodyOf(headers, payload)
  if (!framed) return half ? { request: { method, target, headers, body: payload }, rest: "" } : undefined
  return { request: { method, target, headers, body: framed.body }, rest: framed.rest }
}

function bodyOf(headers: Request["headers"], payload: string): { body: string; rest: string } | undefined {
  if (headers.some(([name, value]) => name === "transfer-encoding" && value === "chunked")) return readChunks(payload)
  const length = Number(headers.find(([name]) => name === "content-length")?.[1] ?? 0)
  return payload.length < length ? undefined : { body: payload.slice(0, length), rest: payload.slice(length) }
}

function answer(socket: Socket, service: string, request: Request, reply: Reply | undefined): void {
  if (reply?.hangs) return
  if (reply?.fails) return void socket.destroy()
  const { status, headers, body, cut, trailing = "" } = reply ?? echo(service, request)
  const hasBody = status >= 200 && status !== 204 && status !== 304
  const length = !hasBody && body === "" ? [] : [`content-length: ${body.length + (cut ? 100 : 0)}`]
  const lines = [`HTTP/1.1 ${status} Word`, ...headers.map(([name, value]) => `${name}: ${value}`), ...length]
  const text = request.method === "HEAD" ? "" : body
  socket.write(Buffer.from(`${lines.join("\r\n")}\r\n\r\n${text}${trailing}`, "latin1"))
  if (cut) socket.destroySoon()
}

function echo(service: string, request: Request): Reply {
  const headers = [["content-type", "application/json"]] as const
  return { status: 200, headers, body: JSON.stringify({ service, ...request }) }
}
