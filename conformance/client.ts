/** An HTTP/1.1 client that sends what it is given: target, names and order of headers, Host. */
import { randomBytes } from "node:crypto"
import { Agent, type IncomingMessage, request as open } from "node:http"
import type { Socket } from "node:net"

export interface Sending {
  readonly method: string
  readonly target: string
  /** `Host` included. */
  readonly headers: readonly (readonly [string, string])[]
}

export interface Received {
  readonly status: number
  /** Names in lower case; repeated headers joined by ", ". */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const TIMEOUT_MS = 60_000
const PING = "conformance"

export class Client {
  readonly #host: string
  readonly #port: number
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 32 })

  constructor(url: string) {
    const { hostname, port } = new URL(url)
    this.#host = hostname
    this.#port = Number(port)
  }

  send({ method, target, headers }: Sending): Promise<Received> {
    return new Promise((resolve, reject) => {
      const outgoing = open(
        { ...this.#place, agent: this.#agent, method, path: target, setHost: false, headers: headers.flat() as never },
        (incoming) => receive(incoming).then(resolve, reject),
      )
      outgoing.setTimeout(TIMEOUT_MS, () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)))
      outgoing.on("error", reject)
      outgoing.end()
    })
  }

  /** Opens a WebSocket, sends one message and waits for it to come back; the body of what is received is the message. */
  exchange({ target, headers }: Sending): Promise<Received> {
    const handshake = [
      ["connection", "Upgrade"],
      ["upgrade", "websocket"],
      ["sec-websocket-version", "13"],
      ["sec-websocket-key", randomBytes(16).toString("base64")],
    ] as const
    return new Promise((resolve, reject) => {
      const all = [...headers, ...handshake].flat() as never
      const outgoing = open({ ...this.#place, method: "GET", path: target, setHost: false, headers: all }, (incoming) =>
        receive(incoming).then(resolve, reject),
      )
      outgoing.setTimeout(TIMEOUT_MS, () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)))
      outgoing.on("error", reject)
      outgoing.on("upgrade", (incoming, socket: Socket) => {
        socket.on("error", reject)
        socket.once("data", (frame: Buffer) => {
          // A short frame from a server: two bytes, then the text, unmasked.
          resolve({ status: 101, headers: headersOf(incoming), body: frame.subarray(2).toString() })
          socket.destroy()
        })
        socket.write(textFrame(PING))
      })
      outgoing.end()
    })
  }

  close(): void {
    this.#agent.destroy()
  }

  get #place() {
    return { host: this.#host, port: this.#port }
  }
}

export function isPing(body: string): boolean {
  return body === PING
}

async function receive(incoming: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  return { status: incoming.statusCode ?? 0, headers: headersOf(incoming), body: Buffer.concat(chunks).toString() }
}

function headersOf({ rawHeaders }: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {}
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!.toLowerCase()
    const value = rawHeaders[index + 1]!
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value
  }
  return headers
}

/** Frames of clients are masked. */
function textFrame(text: string): Buffer {
  const mask = randomBytes(4)
  const payload = Buffer.from(text).map((byte, index) => byte ^ mask[index % 4]!)
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length]), mask, payload])
}
