/**
 * A service in a chain: asks the next one with the trace headers that it was given, by fetch, or by RPC when it is told so; the last one
 * says what it was given. `?fail=N`: the last one fails N times in a row, and then answers.
 */
import { WorkerEntrypoint } from "cloudflare:workers"

interface Next {
  told(context: object): Promise<object>
}

interface Env {
  readonly NEXT?: Fetcher & Next
}

let failures = 0

export default class Link extends WorkerEntrypoint<Env> {
  override async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams, search } = new URL(request.url)
    const given = Object.fromEntries([...request.headers].filter(([name]) => /^trace|^b3$|^x-b3-/.test(name)))
    const { NEXT } = this.env
    if (!NEXT) {
      if (failures++ < Number(searchParams.get("fail"))) return new Response("failed on purpose", { status: 503 })
      failures = 0
      return Response.json(given)
    }
    if (pathname.startsWith("/rpc")) return Response.json(await NEXT.told(given))
    return NEXT.fetch(`http://next${pathname}${search}`, { headers: given })
  }

  async told(context: object): Promise<object> {
    return (await this.env.NEXT?.told(context)) ?? context
  }
}
