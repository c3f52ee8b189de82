/** An upstream that says what it received, and behaves as the query asks. */
interface Env {
  readonly NAME: string
}

/** Failures so far, by the test's own key. */
const failed = new Map<string, number>()
const mirrored: string[] = []
/** What a health check is answered, and with which headers checks came. */
let healthStatus = 200
let healthDelayMs = 0
const checks: Record<string, string>[] = []
/** Requests whose sender went away before they were answered. */
const abandoned: string[] = []
/** How many further chunks of a stream may come, by the test's own key; and requests that wait for one opening. */
const open = new Map<string, number>()
const held = new Set<string>()

export default {
  async fetch(request, { NAME }) {
    const url = new URL(request.url)
    const ask = (name: string) => url.searchParams.get(name)
    if (url.pathname === "/healthz") {
      checks.push({ method: request.method, url: request.url, ...Object.fromEntries(request.headers) })
      await new Promise((resolve) => setTimeout(resolve, healthDelayMs))
      return new Response("fine or not", { status: healthStatus })
    }
    if (url.pathname === "/health-is") {
      healthStatus = Number(ask("status") ?? 200)
      healthDelayMs = Number(ask("delayMs") ?? 0)
      return Response.json(checks.splice(0))
    }
    if (ask("say")) return saying(JSON.parse(ask("say")!))
    if (url.pathname === "/mirrored") return Response.json(mirrored.splice(0))
    if (request.headers.get("upgrade") === "websocket") return webSocket()
    if (url.pathname === "/stream") return new Response(chunks(ask("gate")))
    if (url.pathname === "/held") return Response.json([...held])
    if (ask("hold")) await opening(ask("hold")!)
    if (url.pathname === "/open-gate") {
      open.set(ask("gate")!, (open.get(ask("gate")!) ?? 0) + 1)
      return new Response()
    }
    if (url.pathname === "/abandoned") return Response.json(abandoned.splice(0))
    if (ask("watch")) request.signal.addEventListener("abort", () => void abandoned.push(ask("watch")!))
    if (ask("slowFirst") && !failed.has(ask("slowFirst")!)) {
      failed.set(ask("slowFirst")!, 1)
      await new Promise((resolve) => setTimeout(resolve, 60_000))
    }
    if (ask("note")) mirrored.push(`${ask("note")} ${await request.clone().text()}`)
    if (ask("delayMs")) await new Promise((resolve) => setTimeout(resolve, Number(ask("delayMs"))))
    if (ask("throw")) throw new Error("the upstream broke")
    const body = await request.text()
    if (ask("fail")) {
      const key = ask("key") ?? ""
      const times = (failed.get(key) ?? 0) + 1
      failed.set(key, times)
      if (times <= Number(ask("fail"))) {
        return new Response(`failure ${times}`, {
          status: Number(ask("with") ?? 503),
          headers: ask("after") ? { "retry-after": ask("after")! } : {},
        })
      }
    }
    return Response.json(
      { name: NAME, method: request.method, url: request.url, headers: Object.fromEntries(request.headers), body },
      { status: Number(ask("status") ?? 200), headers: { "x-upstream": NAME } },
    )
  },
} satisfies ExportedHandler<Env>

let answers = 0

/** An answer with headers of the test's choice, which is another one each time. */
function saying({ headers = {}, bytes = 0, breaks = false, empty = false, status = 200 }: Saying): Response {
  answers += 1
  if (empty) return new Response(null, { status, headers })
  const text = `answer ${answers}${"x".repeat(bytes)}`
  if (!breaks) return new Response(text, { status, headers })
  const body = new ReadableStream({
    start: (queue) => queue.enqueue(new TextEncoder().encode(text)),
    pull: (queue) => queue.error(new Error("broken off")),
  })
  return new Response(body, { status, headers })
}

interface Saying {
  readonly headers?: Record<string, string>
  readonly bytes?: number
  readonly breaks?: boolean
  readonly empty?: boolean
  readonly status?: number
}

function webSocket(): Response {
  const { 0: client, 1: server } = new WebSocketPair()
  server.accept()
  server.addEventListener("message", ({ data }) => server.send(`echo ${data}`))
  return new Response(null, { status: 101, webSocket: client })
}

async function opening(gate: string): Promise<void> {
  held.add(gate)
  while (!open.has(gate)) await new Promise((resolve) => setTimeout(resolve, 5))
  held.delete(gate)
}

/** Three chunks: one at once, and one more each time that the test opens the gate, or a moment later where there is none. */
function chunks(gate: string | null): ReadableStream {
  const encoder = new TextEncoder()
  const moment = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
  let sent = 0
  return new ReadableStream({
    async pull(controller) {
      if (gate === null && sent > 0) await moment(30)
      while (gate !== null && (open.get(gate) ?? 0) < sent) await moment(5)
      controller.enqueue(encoder.encode(`chunk ${sent}\n`))
      sent += 1
      if (sent === 3) controller.close()
    },
  })
}
