/** What every way of the bench ends at: an upstream that does nothing. */
import { WorkerEntrypoint } from "cloudflare:workers"

export default class Upstream extends WorkerEntrypoint {
  override fetch(): Response {
    return new Response("ok")
  }

  ping(value: number): number {
    return value
  }
}
