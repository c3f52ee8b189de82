/** Waiting until the proxy of a local mesh has its routes. Until then it refuses what comes (`no_snapshot`). */
import { setTimeout as sleep } from "node:timers/promises"
import { HEADER } from "#shared/protocol/headers.ts"
import { PROBE_TYPE, type ProbeReport } from "#shared/protocol/probe.ts"

const POLL_MS = 50
const ASK_MS_MAX = 10_000

export interface Awaited {
  readonly ingressUrl: string
  readonly controlUrl: string
  readonly token: string
  readonly withinMs: number
}

/** Asks by requests that go nowhere and are counted nowhere. False when the time is over. */
export async function becomesReady({ ingressUrl, controlUrl, token, withinMs }: Awaited): Promise<boolean> {
  const headers = { authorization: `Bearer ${token}` }
  const endMs = performance.now() + withinMs
  const given = await answer<{ ticket: string }>(`${controlUrl}/v1/probe-ticket`, { method: "POST", headers })
  if (!given) return false
  while (performance.now() < endMs) {
    const report = await answer<ProbeReport>(ingressUrl, { headers: { [HEADER.probe]: given.ticket } }, PROBE_TYPE)
    if (report && report.revision > 0) return true
    await sleep(POLL_MS)
  }
  return false
}

async function answer<T>(url: string, init: RequestInit, type = "application/json"): Promise<T | undefined> {
  try {
    const response = await fetch(url, { ...init, redirect: "manual", signal: AbortSignal.timeout(ASK_MS_MAX) })
    const text = await response.text()
    return response.ok && response.headers.get("content-type")?.startsWith(type) ? (JSON.parse(text) as T) : undefined
  } catch {
    return undefined
  }
}
