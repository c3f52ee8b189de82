/** Stands in for a Durable Object of the mesh that fails as the runner says, and counts how often it is asked. */
import { DurableObject } from "cloudflare:workers"

type Mode = "overloaded" | "retryable" | "down" | "hanging"

let mode: Mode = "down"
let calls = 0

export class FaultyObject extends DurableObject {
  async lease(): Promise<never> {
    calls += 1
    if (mode === "hanging") await new Promise((resolve) => setTimeout(resolve, 60_000))
    const flags = mode === "overloaded" ? { overloaded: true } : mode === "retryable" ? { retryable: true } : {}
    throw Object.assign(new Error(`the object is ${mode}`), flags)
  }
}

/** For the runner: how often it was asked since; a POST says how it fails from now on. */
export default {
  async fetch(request: Request): Promise<Response> {
    if (request.method === "POST") mode = await request.json<Mode>()
    const answer = Response.json(calls)
    calls = 0
    return answer
  },
}
