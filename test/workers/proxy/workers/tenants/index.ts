/** Stands for a dispatch namespace, which there is none of on a local machine: `get(name)` gives a Worker, or throws. */
import { WorkerEntrypoint } from "cloudflare:workers"

export default class Tenants extends WorkerEntrypoint<Record<string, Fetcher>> {
  get(name: string): Fetcher {
    const worker = this.env[name]
    if (!worker) throw new Error("Worker not found.")
    return worker
  }
}
