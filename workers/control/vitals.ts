/** Asks every object of the mesh how it is, all at once, and waits for none of them for long. */
import { inTime } from "#durable-objects/in-time.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { SHARDS } from "#shared/propagation/shards.ts"
import type { ApiKeyInfo } from "#shared/protocol/api-keys.ts"
import type { TokenInfo } from "#shared/protocol/control-api.ts"
import type { KeyRingRpc, KeyStatus } from "#shared/protocol/key-ring.ts"
import { MESH } from "#shared/protocol/route-table.ts"
import type { ShardVitals, TelemetryRpc } from "#shared/protocol/telemetry.ts"
import { TOKENS } from "#shared/protocol/tokens.ts"
import type { Expiring, ObjectVitals, ShardStatus, Vitals } from "#shared/protocol/vitals.ts"
import { VERSION } from "#shared/std/version.ts"
import { alerts } from "./alerts.ts"
import { auditLog } from "./audit.ts"
import { allows } from "./auth.ts"
import { type Call, reply } from "./endpoint.ts"
import { routeTable } from "./mesh.ts"

const SOON_MS = 14 * 24 * 60 * 60 * 1000

interface Asked<T> extends ObjectVitals {
  readonly answer: T | undefined
}

export async function showVitals({ env, caller }: Call<object, object, undefined>): Promise<Response> {
  const [table, tokens, audit, ring, alerting, ...shards] = await Promise.all([
    ask("route table", () => routeTable(env).listKeys()),
    ask("tokens", () => env.TOKENS.getByName(TOKENS).list()),
    ask("audit log", () => auditLog(env).list({ limit: 1 })),
    ask("signing keys", () => (env.KEY_RING.getByName(MESH) as unknown as KeyRingRpc).keys()),
    ask("alerts", () => alerts(env).list()),
    ...SHARDS.map(({ name, hint }) =>
      ask(`telemetry ${name}`, () =>
        (env.TELEMETRY.getByName(name, hint && { locationHint: hint }) as unknown as TelemetryRpc).vitals(),
      ),
    ),
  ])
  const nowMs = Date.now()
  return reply<Vitals>({
    version: VERSION,
    nowMs,
    objects: [table, tokens, audit, ring, alerting, ...shards].map(({ answer: _, ...about }) => about),
    telemetry: shards.flatMap(({ answer }, index) => (answer ? shardOf(SHARDS[index]!.name, answer) : [])),
    ...(ring.answer && { signingKeys: ring.answer as readonly KeyStatus[] }),
    expiring: [
      ...soon("key", (table.answer ?? []) as readonly ApiKeyInfo[], ({ id }) => id, nowMs),
      ...(allows(caller.role, "admin") ? soon("token", tokens.answer ?? [], ({ name }: TokenInfo) => name, nowMs) : []),
    ],
  })
}

async function ask<T>(name: string, question: () => Promise<T>): Promise<Asked<T>> {
  const startMs = Date.now()
  try {
    const answer = await inTime(question(), LIMITS.shardAnswerMs, () => {
      throw new Error(`no answer in ${LIMITS.shardAnswerMs / 1000}s`)
    })
    return { name, tookMs: Date.now() - startMs, answer }
  } catch (error) {
    return { name, tookMs: Date.now() - startMs, failed: (error as Error).message, answer: undefined }
  }
}

/** A shard that nobody ever reported to is not worth a word. */
function shardOf(shard: string, { series, requests, tallies, isolates, snapshotAgeMs }: ShardVitals): ShardStatus[] {
  if (series === 0 && tallies.length === 0) return []
  const sum = (wanted: string) => tallies.reduce((all, [name, , count]) => (name === wanted ? all + count : all), 0)
  return [
    {
      ...{ shard, series, requests, isolates, snapshotAgeMs },
      seriesMax: LIMITS.shardSeriesMax,
      overflowed: sum("overflowed_requests"),
      lost: sum("lost_requests"),
      lostReports: sum("lost_reports"),
    },
  ]
}

function soon<T extends { readonly expiresAtMs?: number }>(
  kind: Expiring["kind"],
  all: readonly T[],
  nameOf: (one: T) => string,
  nowMs: number,
): Expiring[] {
  return all.flatMap((one) => {
    const { expiresAtMs } = one
    return expiresAtMs !== undefined && expiresAtMs - nowMs <= SOON_MS ? { kind, name: nameOf(one), expiresAtMs } : []
  })
}
