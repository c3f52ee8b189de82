/** Where an isolate's counts and records go, by the proxy's bindings and variables. */
import type { Region } from "#shared/propagation/regions.ts"
import { type Shard, shardFor } from "#shared/propagation/shards.ts"
import { analyse } from "./analytics.ts"
import { Exporter, type ExporterSurroundings } from "./exporter.ts"
import type { ReporterSurroundings, ShardObject } from "./reporter.ts"
import type { Listener } from "./telemetry.ts"
import { readTraceVariables, type TraceEnv } from "./trace-settings.ts"
import { type RecordedListener, Tracer } from "./tracer.ts"

export interface TelemetryEnv extends TraceEnv {
  /** Counts of the whole mesh. */
  readonly TELEMETRY?: DurableObjectNamespace
  /** A dataset of the platform's Analytics Engine that gets the counts too. */
  readonly ANALYTICS?: AnalyticsEngineDataset
  /** `on`: one JSON line in the log for each exchange. */
  readonly WEFT_ACCESS_LOG?: string
}

/** `region` is asked when the first report goes out. */
export function sinksOf(
  { TELEMETRY, ANALYTICS }: TelemetryEnv,
  isolate: string,
  region: () => Region | undefined,
): Pick<ReporterSurroundings, "shard" | "analyse"> {
  return {
    ...(TELEMETRY && { shard: shardsOf(TELEMETRY, isolate, region) }),
    ...(ANALYTICS && { analyse: (series) => analyse(ANALYTICS, series) }),
  }
}

export function listenersOf({ WEFT_ACCESS_LOG }: TelemetryEnv): readonly Listener[] {
  return WEFT_ACCESS_LOG === "on" ? [logged] : []
}

/** With nowhere to bring records to there is no tracer. */
export function tracerOf(env: TelemetryEnv, isolate: string, around: ExporterSurroundings): Tracer | undefined {
  const { settings, collector, attributes, problems } = readTraceVariables(env)
  for (const problem of problems) around.log(problem)
  const listeners: RecordedListener[] = []
  if (collector) {
    const exporter = new Exporter(collector, { instance: isolate, attributes }, around)
    listeners.push((exchange, background) => exporter.add(exchange, background))
  }
  return listeners.length > 0 ? new Tracer(settings, listeners, (name) => around.tally(name, "", 1)) : undefined
}

const logged: Listener = (record) => console.log(JSON.stringify(record))

/** Numbers of reports belong to one object: an isolate that learns only later where it is stays with the one it has. */
function shardsOf(
  namespace: DurableObjectNamespace,
  isolate: string,
  region: () => Region | undefined,
): () => ShardObject {
  let shard: Shard | undefined
  return () => {
    shard ??= shardFor(isolate, region())
    const { name, hint } = shard
    return namespace.getByName(name, hint && { locationHint: hint }) as unknown as ShardObject
  }
}
