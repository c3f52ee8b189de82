/** An issuer's keys from where they are published: one request, bounded in time and size, that follows nobody elsewhere. */
import { endpointsIn } from "#shared/exchange/decide.ts"
import type { KeySource } from "#shared/model/authentication.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { parseJson } from "#shared/std/json.ts"
import type { FetchKeys } from "./key-source.ts"
import type { Destination, Mesh, Routes } from "./mesh.ts"

type Fetched = Awaited<ReturnType<FetchKeys>>

interface Publisher {
  readonly destination: Destination
  readonly url: string
}

export async function fetchKeys(source: KeySource, routes: Routes, mesh: Mesh): Promise<Fetched> {
  const publisher = publisherOf(source, routes, mesh)
  if (!publisher) return { reason: "the proxy has no way there" }
  const signal = AbortSignal.timeout(LIMITS.jwksFetchMs)
  const fetched = await read(publisher, signal)
  return "reason" in fetched && signal.aborted
    ? { reason: `it took longer than ${LIMITS.jwksFetchMs / 1000} s` }
    : fetched
}

function publisherOf(source: KeySource, routes: Routes, mesh: Mesh): Publisher | undefined {
  if (source.kind === "inline") return undefined
  if (source.kind === "url") {
    const destination = mesh.destination({ kind: "url", url: source.url })
    return destination && { destination, url: source.url }
  }
  for (const endpoint of endpointsIn(routes.services, { service: source.service })) {
    const destination = mesh.destination(endpoint)
    if (!destination) continue
    const origin = endpoint.kind === "url" ? endpoint.url : `https://${source.service.replace("/", ".")}`
    return { destination, url: origin + source.path }
  }
  return undefined
}

async function read({ destination, url }: Publisher, signal: AbortSignal): Promise<Fetched> {
  try {
    const response = await destination.fetch(url, {
      redirect: "manual",
      signal,
      headers: { accept: "application/json" },
    })
    const text = response.status === 200 ? await textOf(response) : undefined
    if (response.status !== 200) {
      await response.body?.cancel()
      return { reason: `the answer is ${response.status}` }
    }
    if (text === undefined) return { reason: `the answer is larger than ${LIMITS.jwksBytesMax} bytes` }
    const parsed = parseJson(text)
    return "problem" in parsed ? { reason: `the answer is not JSON: ${parsed.problem.message}` } : parsed
  } catch {
    return { reason: "the publisher cannot be reached" }
  }
}

/** Undefined when it is too large: the rest is not read. */
async function textOf(response: Response): Promise<string | undefined> {
  const decoder = new TextDecoder()
  let text = ""
  let bytes = 0
  if (!response.body) return text
  for await (const chunk of response.body) {
    bytes += chunk.byteLength
    // Leaving the loop cancels the stream.
    if (bytes > LIMITS.jwksBytesMax) return undefined
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}
