/** What the mesh counted: for Prometheus, and as statistics of the last minutes. All shards are asked at once, and none is waited for. */
import { askShards } from "#durable-objects/telemetry-shards.ts"
import type { Severity } from "#shared/model/alerting.ts"
import { serviceId } from "#shared/model/names.ts"
import type { SloStatus } from "#shared/protocol/alerts.ts"
import type { Stats } from "#shared/protocol/control-api.ts"
import type { TelemetryTotals } from "#shared/protocol/telemetry.ts"
import { formatDuration } from "#shared/std/duration.ts"
import { CONTENT_TYPES, expose, formatFor, type MeshFacts, type ShardTotals } from "#shared/telemetry/exposition.ts"
import { PUBLIC } from "#shared/telemetry/series.ts"
import { rowsOf, type Step, TELLS } from "#shared/telemetry/stats.ts"
import { stepsOf } from "#shared/telemetry/window.ts"
import { decode } from "#shared/telemetry/wire.ts"
import { alerts } from "./alerts.ts"
import { type Call, reply } from "./endpoint.ts"
import type { ControlEnv } from "./env.ts"
import { EMPTY, type MeshAt, readHead, routeTable, snapshotOf } from "./mesh.ts"
import { runningOf } from "./rollouts.ts"
import type { StatsQuery } from "./schemas-telemetry.ts"
import { askWitnesses, isolatesOf } from "./witnesses.ts"

export async function showMetrics(call: Call<object, object, undefined>): Promise<Response> {
  const [shards, mesh] = await Promise.all([
    askShards(call.env.TELEMETRY, async (shard) => opened(await shard.totals())),
    orNothing(meshFacts(call.env)),
  ])
  const totals = shards.map(({ name, answer }): ShardTotals => ({ shard: name, totals: answer }))
  const format = formatFor(call.request.headers.get("accept"))
  const headers = { "content-type": CONTENT_TYPES[format], vary: "accept" }
  return new Response(streamOf(expose(totals, mesh, format)), { headers })
}

export async function showStats(call: Call<object, StatsQuery, undefined>): Promise<Response> {
  const { by = "service", window = 60, points = 1 } = call.query
  const nowMs = Date.now()
  const starts = stepsOf(window * 1000, points, nowMs)
  const from = idOf(call.query.from)
  const to = idOf(call.query.to)
  const filter = { ...(from !== undefined && { from }), ...(to !== undefined && { to }) }
  const [shards, head] = await Promise.all([
    askShards(call.env.TELEMETRY, async (shard) => (await shard.window({ by, starts, ...filter })).map(read)),
    orNothing(readHead(call.env)),
  ])
  const steps = shards.flatMap(({ answer }) =>
    (answer ?? []).map((series, index): Step => ({ atMs: starts[index]!, series })),
  )
  const spanMs = nowMs - starts[0]!
  const listed =
    by === "service" && from === undefined
      ? servicesOf(head ?? EMPTY).filter((id) => to === undefined || id === to)
      : []
  return reply<Stats>({
    by,
    spanMs,
    rows: rowsOf(steps, { tells: TELLS[by], listed: listed.map((id) => ({ to: id })), starts, spanMs }),
    missing: shards.filter(({ answer }) => answer === undefined).map(({ name }) => name),
  })
}

/** What was counted is told without the route table too. */
async function orNothing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    console.warn(`weft: an object does not answer: ${error}`)
    return undefined
  }
}

function opened({ series, createdMs, exemplars, ...rest }: TelemetryTotals): NonNullable<ShardTotals["totals"]> {
  const bySeries = Map.groupBy(exemplars, (exemplar) => exemplar.series)
  const created = read(series).map((one, index) => ({
    ...one,
    createdMs: createdMs[index]!,
    exemplars: bySeries.get(index) ?? [],
  }))
  return { series: created, ...rest }
}

function read(bytes: Uint8Array) {
  const series = decode(bytes, Number.MAX_SAFE_INTEGER)
  if ("reason" in series) throw new Error(`a shard's series cannot be read: ${series.reason}`)
  return series
}

async function meshFacts(env: ControlEnv): Promise<MeshFacts> {
  const table = routeTable(env)
  const [head, witnesses, breakers, rollout, alerting] = await Promise.all([
    table.head(),
    askWitnesses(env),
    table.breakers(),
    table.rollout(),
    orNothing(alerts(env).list()),
  ])
  const revision = runningOf(rollout)?.stable ?? head?.revision ?? 0
  const serving = { current: 0, behind: 0, refusing: 0 }
  for (const isolate of isolatesOf(witnesses)) {
    serving[isolate.serving >= revision ? "current" : isolate.refused ? "refusing" : "behind"] += 1
  }
  return {
    revision,
    serving,
    breakers: breakers.map(({ cluster, phase }) => ({ cluster, isOpen: phase !== "closed" })),
    objectives: (alerting?.slos ?? []).map(objectiveOf),
    receivers: alerting?.receivers ?? [],
  }
}

function objectiveOf({ id, budgetLeft, alerts }: SloStatus): MeshFacts["objectives"][number] {
  const fires = (wanted: Severity) => alerts.some(({ severity, phase }) => severity === wanted && phase === "firing")
  return {
    ...{ slo: id, budgetLeft },
    burn: alerts.flatMap(({ burn }) =>
      burn.map(({ longMs, long }) => ({ window: formatDuration(longMs), rate: long })),
    ),
    firing: { page: fires("page"), ticket: fires("ticket") },
  }
}

function servicesOf(mesh: MeshAt): string[] {
  return snapshotOf(mesh).services.map(({ id }) => id)
}

function idOf(service: string | undefined): string | undefined {
  if (service === undefined || service === PUBLIC) return service
  return service.includes("/") ? service : serviceId("default", service)
}

/** Lines go out as they are made: the text of a large mesh is larger than what it is made of. */
function streamOf(lines: Iterator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream({
    pull(controller) {
      let text = ""
      while (text.length < PIECE_CHARS) {
        const { done, value } = lines.next()
        if (done) break
        text += value
      }
      if (text === "") return controller.close()
      controller.enqueue(encoder.encode(text))
    },
  })
}

const PIECE_CHARS = 64 * 1024
