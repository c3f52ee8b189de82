/** The last service of a chain: says what it was told. */
import { WorkerEntrypoint } from "cloudflare:workers"

export default class End extends WorkerEntrypoint {
  override fetch(request: Request): Response {
    return new Response(request.headers.get("weft-revision"))
  }

  context(context?: object): object | undefined {
    return context
  }
}
