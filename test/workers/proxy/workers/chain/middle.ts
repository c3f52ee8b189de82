/** A service in the middle of a chain: passes on what it was told, as a service does that wants its chain to be consistent, or forgets it. */
import { WorkerEntrypoint } from "cloudflare:workers"

interface End {
  context(context?: object): Promise<object | undefined>
}

interface Env {
  readonly END: Fetcher & End
}

const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

export default class Middle extends WorkerEntrypoint<Env> {
  override async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url)
    const told = [...request.headers].filter(([name]) => name.startsWith("weft-"))
    switch (pathname) {
      case "/rpc": {
        const carried = Object.fromEntries(
          told.map(([name, value]) => [name, /^\d+$/.test(value) ? Number(value) : value]),
        )
        return Response.json((await this.env.END.context({ traceparent: TRACEPARENT, ...carried })) ?? null)
      }
      case "/rpc-without":
        return Response.json((await this.env.END.context()) ?? null)
      default: {
        const headers = pathname === "/forgetful" ? [["weft-debug", "1"]] : told
        return this.env.END.fetch("http://end/", { headers: headers as [string, string][] })
      }
    }
  }
}
