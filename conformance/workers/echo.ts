/**
 * The upstream of all conformance cases: one Worker under many names. A binding's props say in whose name it answers.
 *
 *   X-Echo-Set-Header: name:value,…   sets headers of the response
 *   ?delay=1s                         answers later
 *   /ws                               echoes a WebSocket's messages
 *   /retry/…?uuid&succeedAfter=N      fails N times for one uuid: with `responseCode`, else without an answer, after `delayRetry`
 */
import { WorkerEntrypoint } from "cloudflare:workers"

interface Props {
  readonly backend: string
  readonly namespace: string
}

interface Seen {
  readonly backend: string
  readonly path: string
}

/** Everything that arrived since it was last asked for. One isolate serves all names. */
let seen: Seen[] = []
const failures = new Map<string, number>()

export class Echo extends WorkerEntrypoint<object, Props> {
  override async fetch(request: Request): Promise<Response> {
    const { backend, namespace } = this.ctx.props
    const [, host = "", path = "/"] = /^[a-z]+:\/\/([^/?#]*)([^#]*)/.exec(request.url) ?? []
    seen.push({ backend, path })
    const query = new URLSearchParams(path.includes("?") ? path.slice(path.indexOf("?") + 1) : "")
    if (request.headers.get("upgrade")?.toLowerCase() === "websocket") return echoSocket()
    if (path.startsWith("/retry/")) {
      const failed = await failure(query)
      if (failed) return failed
    }
    await sleep(query.get("delay"))
    const headers = Object.fromEntries([...request.headers])
    const body = {
      path,
      host: request.headers.get("host") ?? host,
      method: request.method,
      namespace,
      backend,
      headers,
    }
    return Response.json(body, { headers: requestedHeaders(request.headers.get("x-echo-set-header")) })
  }
}

/** A service that makes `?requests=N` requests of its own through the mesh, with the trace headers that it was given. */
export class Caller extends WorkerEntrypoint<{ readonly MESH: Fetcher }, Props> {
  override async fetch(request: Request): Promise<Response> {
    const { backend, namespace } = this.ctx.props
    const count = Number(new URL(request.url).searchParams.get("requests"))
    const given = [...request.headers].filter(([name]) => name === "traceparent" || name === "tracestate")
    const calls = Array.from({ length: count }, async () => {
      const answer = await this.env.MESH.fetch("http://harness/", { headers: given })
      return ((await answer.json()) as { headers: object }).headers
    })
    return Response.json({ backend, namespace, headers: {}, calls: await Promise.all(calls) })
  }
}

/** An external authorizer: it goes by the header `x-ext-authz`, and says what it found. */
export class Authorizer extends WorkerEntrypoint<object, Props> {
  override fetch(request: Request): Response {
    const allowed = request.headers.get("x-ext-authz") === "allow"
    return new Response(allowed ? "allowed" : "denied by the authorizer", { status: allowed ? 200 : 403 })
  }
}

/** Publishes the keys of all issuers. */
export class Keys extends WorkerEntrypoint<object, { readonly keys: readonly object[] }> {
  override fetch(): Response {
    return Response.json({ keys: this.ctx.props.keys })
  }
}

/** For the runner: what arrived since it asked last. */
export default {
  fetch(): Response {
    const answer = Response.json(seen)
    seen = []
    return answer
  },
}

async function failure(query: URLSearchParams): Promise<Response | undefined> {
  const uuid = query.get("uuid") ?? ""
  const count = failures.get(uuid) ?? 0
  if (count >= Number(query.get("succeedAfter") ?? 0)) return undefined
  failures.set(uuid, count + 1)
  await sleep(query.get("delayRetry"))
  const status = query.get("responseCode")
  if (status === null) throw new Error("the connection is reset")
  return new Response("failed on purpose", { status: Number(status) })
}

function echoSocket(): Response {
  const { 0: client, 1: server } = new WebSocketPair()
  server.accept()
  server.addEventListener("message", ({ data }) => server.send(data))
  return new Response(null, { status: 101, webSocket: client })
}

function requestedHeaders(text: string | null): Headers {
  const headers = new Headers()
  for (const pair of text?.split(",") ?? []) {
    const colon = pair.indexOf(":")
    if (colon > 0) headers.append(pair.slice(0, colon).trim(), pair.slice(colon + 1).trim())
  }
  return headers
}

/** `1s`, `300ms`; a delay that is neither counts as none. */
function sleep(delay: string | null): Promise<void> {
  const [, count, unit] = /^(\d+)(ms|s)$/.exec(delay ?? "") ?? []
  return count === undefined
    ? Promise.resolve()
    : new Promise((resolve) => setTimeout(resolve, Number(count) * (unit === "s" ? 1_000 : 1)))
}
