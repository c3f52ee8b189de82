/** The least that a Worker between two others can do: the floor that a mesh hop is measured against. */
import { WorkerEntrypoint } from "cloudflare:workers"

interface Env {
  readonly UPSTREAM: Fetcher & { ping(value: number): Promise<number> }
}

export default class Bare extends WorkerEntrypoint<Env> {
  override fetch(request: Request): Promise<Response> {
    return this.env.UPSTREAM.fetch(request)
  }

  ping(value: number): Promise<number> {
    return this.env.UPSTREAM.ping(value)
  }
}
