/** What the proxy says of itself when `weft doctor` asks: which settings weaken it, what it goes without, how far the objects are. */
import { LIMITS } from "#shared/model/limits.ts"
import { type Region, relayName } from "#shared/propagation/regions.ts"
import type { KeyRingRpc } from "#shared/protocol/key-ring.ts"
import type { ProbeReport, ProbeSettings } from "#shared/protocol/probe.ts"
import type { RelayRpc } from "#shared/protocol/relay.ts"
import { MESH, type RouteTableRpc } from "#shared/protocol/route-table.ts"
import { NO_LOCAL_ORIGINS, parseLocalOrigins } from "#shared/std/egress.ts"
import type { ProxyEnv } from "./world.ts"

const OPTIONAL = ["RELAY", "BREAKER", "LIMITER", "KEY_RING", "TELEMETRY", "WEFT_KV"] as const

export function settingsOf(env: ProxyEnv): ProbeSettings {
  return {
    debug: env.WEFT_DEBUG === "on",
    localOrigins: parseLocalOrigins(env.WEFT_LOCAL_ORIGINS) !== NO_LOCAL_ORIGINS,
    ambiguousHeaders: env.WEFT_AMBIGUOUS_HEADERS === "keep",
    missing: OPTIONAL.filter((binding) => !(binding in env)),
  }
}

type Objects = NonNullable<ProbeReport["objects"]>

/** Questions that cost an object nothing and change nothing. The first one wakes it, the second is measured. */
export async function measureObjects(env: ProxyEnv, region: Region | undefined): Promise<Objects> {
  const root = env.ROUTE_TABLE.getByName(MESH) as unknown as RouteTableRpc
  const relay = env.RELAY?.getByName(relayName(region, "", 1), region && { locationHint: region }) as unknown as
    | RelayRpc
    | undefined
  const ring = env.KEY_RING?.getByName(MESH) as unknown as KeyRingRpc | undefined
  const asked = {
    ROUTE_TABLE: () => root.head(),
    ...(relay && { RELAY: () => relay.text("") }),
    ...(ring && { KEY_RING: () => ring.keySet() }),
  }
  const measured = Object.entries(asked).map(async ([name, ask]) => [name, await measure(ask)] as const)
  return Object.fromEntries(await Promise.all(measured))
}

async function measure(ask: () => Promise<unknown>): Promise<Objects[string]> {
  const both = ask().then(async () => {
    const startedAtMs = Date.now()
    await ask()
    return { ms: Date.now() - startedAtMs }
  })
  const late = new Promise<{ failed: true }>((resolve) =>
    setTimeout(() => resolve({ failed: true }), LIMITS.probeObjectMs),
  )
  return Promise.race([both, late]).catch(() => ({ failed: true as const }))
}
