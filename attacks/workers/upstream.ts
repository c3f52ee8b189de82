/**
 * The upstream by service binding: one Worker in the name of every service. It keeps what arrived for the runner to ask for, and
 * answers as it is told.
 */
import { WorkerEntrypoint } from "cloudflare:workers"
import { type Arrival, replyTo, type Script } from "#attacks/upstream.ts"

const FOREVER_MS = 60_000

let arrivals: Arrival[] = []
let script: Script = {}

export class Upstream extends WorkerEntrypoint<object, { readonly service: string }> {
  override async fetch(request: Request): Promise<Response> {
    const { service } = this.ctx.props
    const target = /^[a-z]+:\/\/[^/?#]*([^#]*)/.exec(request.url)?.[1] ?? ""
    const headers = [...request.headers].map(([name, value]) => [name, value] as const)
    const read = await readWhole(request)
    const arrival: Arrival = { service, via: "binding", method: request.method, target, headers, ...read }
    arrivals.push(arrival)
    const reply = replyTo(script, service, target)
    if (!reply && request.headers.get("upgrade")?.toLowerCase() === "websocket") return socket()
    if (!reply) return Response.json(arrival)
    if (reply.hangs) await new Promise((resolve) => setTimeout(resolve, FOREVER_MS))
    if (reply.fails) throw new Error("the upstream fails as it is told")
    const bodiless = reply.status === 204 || reply.status === 304
    return new Response(bodiless ? null : reply.body, {
      status: reply.status,
      headers: reply.headers.map(([name, value]) => [name, value]),
    })
  }
}

/** For the runner: what arrived since it asked last; a POST tells how to answer from now on. */
export default {
  async fetch(request: Request): Promise<Response> {
    if (request.method === "POST") script = await request.json<Script>()
    const answer = Response.json(arrivals)
    arrivals = []
    return answer
  },
}

async function readWhole(request: Request): Promise<Pick<Arrival, "body" | "complete">> {
  try {
    const bytes = new Uint8Array(await request.arrayBuffer())
    return { body: Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""), complete: true }
  } catch {
    return { body: "", complete: false }
  }
}

function socket(): Response {
  const { 0: client, 1: server } = new WebSocketPair()
  server.accept()
  return new Response(null, { status: 101, webSocket: client })
}
