/**
 * An upstream that can do so much and no more. Work is done in the order in which it came; what has to wait makes all behind it
 * wait, and when too many wait, it answers 503. It does not hear that a caller has gone away: what it has taken in, it does. When it
 * `heeds` deadlines, it does not take in what it cannot answer in time.
 */
const POLL_MS = 25

let perSecond = 100
let serviceMs = 100
let queueMax = 50
let heeds = false
let arrived = 0
/** How many pieces of work were begun up to `workedAtMs`, as a quantity, and the number of the last that was taken in. */
let begun = 0
let taken = 0
let workedAtMs = Date.now()

export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    work()
    if (pathname === "/turn") {
      perSecond = Number(searchParams.get("perSecond"))
      serviceMs = Number(searchParams.get("serviceMs"))
      queueMax = Number(searchParams.get("queueMax"))
      heeds = searchParams.get("heeds") === "true"
      const before = arrived
      arrived = 0
      return Response.json({ arrived: before })
    }
    arrived += 1
    const queued = taken - begun
    if (queued >= queueMax) return new Response("too much", { status: 503 })
    const deadlineMs = Number(request.headers.get("weft-deadline-ms") ?? Number.POSITIVE_INFINITY)
    if (heeds && (queued * 1000) / perSecond + serviceMs > deadlineMs) return new Response("too late", { status: 503 })
    taken = Math.max(taken, begun) + 1
    for (const own = taken; begun < own - 1; work()) {
      await sleep(Math.min(POLL_MS, Math.max(1, ((own - 1 - begun) * 1000) / perSecond)))
    }
    await sleep(serviceMs)
    return new Response("answered")
  },
} satisfies ExportedHandler

/** An idle upstream saves nothing up: its capacity counts from when there is something to do. */
function work(): void {
  const nowMs = Date.now()
  begun += (Math.max(0, nowMs - workedAtMs) * perSecond) / 1000
  workedAtMs = nowMs
  taken = Math.max(taken, begun)
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
