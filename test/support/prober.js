/** Stands for the proxy's prober where there is no proxy: says what a test has told it to. A Worker of its own, and so plain JavaScript. */
import { WorkerEntrypoint } from "cloudflare:workers"

const replies = new Map()
const asked = []

export class Prober extends WorkerEntrypoint {
  async check(call) {
    asked.push({ ...call, props: this.ctx.props })
    const reply = replies.get(call.service)
    if (reply === "hangs") await new Promise((resolve) => setTimeout(resolve, 30_000))
    if (reply === "fails") throw new Error("the prober is down")
    // Routes of long ago, which know of no service.
    if (typeof reply !== "object") return { revision: 0, places: [], results: [] }
    return { ...reply, results: reply.results.slice(call.from, call.from + 16) }
  }

  /** For tests only. */
  tell(service, reply) {
    replies.set(service, reply)
  }

  asked() {
    return asked.splice(0)
  }
}

export default { fetch: () => new Response(null, { status: 404 }) }
