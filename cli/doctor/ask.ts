/** Sends one probe to an edge, as it stands: no path is tidied up, no header is added. */
import { type IncomingMessage, request as plain } from "node:http"
import { request as secure } from "node:https"
import { PROBE_TYPE, type ProbeReport } from "#shared/protocol/probe.ts"

export interface Probe {
  readonly method?: string
  readonly target?: string
  /** In the place of the edge's own name; several are several headers. */
  readonly hosts?: readonly string[]
  readonly headers?: readonly (readonly [name: string, value: string])[]
  readonly asksObjects?: true
}

/** `report`: the proxy answered. Without one somebody before it did, or nobody. */
export type Answer =
  | { readonly status: number; readonly report?: ProbeReport; readonly roundTripMs: number }
  | { readonly error: string }

const TIMEOUT_MS = 10_000
const BYTES_MAX = 1024 * 1024

export function ask(edge: URL, ticket: string, probe: Probe): Promise<Answer> {
  const { method = "GET", target = "/", hosts = [edge.host], headers = [], asksObjects } = probe
  const all = [
    ...hosts.map((host) => ["host", host] as const),
    ["weft-probe", asksObjects ? `${ticket} objects` : ticket] as const,
    ["connection", "close"] as const,
    ...headers,
  ]
  const startedAtMs = performance.now()
  return new Promise((resolve) => {
    const failed = (error: Error & { code?: string }) => resolve({ error: error.code ?? error.message })
    try {
      const asked = (edge.protocol === "https:" ? secure : plain)({
        host: edge.hostname.replace(/^\[|\]$/g, ""),
        port: edge.port === "" ? undefined : Number(edge.port),
        servername: edge.hostname,
        method,
        path: target,
        headers: all.flat() as never,
        setHost: false,
        agent: false,
        timeout: TIMEOUT_MS,
      })
      asked.on("error", failed)
      asked.on("timeout", () => asked.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)))
      asked.on("response", (incoming) => {
        const roundTripMs = performance.now() - startedAtMs
        read(incoming).then((report) => {
          resolve({ status: incoming.statusCode ?? 0, roundTripMs, ...(report && { report }) })
        }, failed)
      })
      asked.end()
    } catch (error) {
      failed(error as Error)
    }
  })
}

async function read(incoming: IncomingMessage): Promise<ProbeReport | undefined> {
  if (incoming.headers["content-type"] !== PROBE_TYPE) {
    incoming.resume()
    return undefined
  }
  let text = ""
  incoming.setEncoding("utf8")
  for await (const chunk of incoming) {
    text += chunk
    if (text.length > BYTES_MAX) return undefined
  }
  return JSON.parse(text) as ProbeReport
}
