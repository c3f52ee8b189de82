/** Where an isolate's counts and records go, by the proxy's bindings and variables. */
import type { OpenTaps } from "#shared/model/tap.ts"
import type { Region } from "#shared/propagation/regions.ts"
import { type Shard, shardFor } from "#shared/propagation/shards.ts"
import type { Series } from "#shared/telemetry/series.ts"
import { AccessLog } from "./access-log.ts"
import { analyse } from "./analytics.ts"
import { Exporter, type ExporterSurroundings } from "./exporter.ts"
import { Kept } from "./kept.ts"
import type { ReporterSurroundings, ShardObject } from "./reporter.ts"
import { Tapper, type TapperSurroundings, type TapShard } from "./tapper.ts"
import type { TraceEnv, TraceVariables } from "./trace-settings.ts"
import { type RecordedListener, Tracer } from "./tracer.ts"

export interface TelemetryEnv extends TraceEnv {
  /** Counts of the whole mesh. */
  readonly TELEMETRY?: DurableObjectNamespace
  /** A dataset of the platform's Analytics Engine that gets the counts too. */
  readonly ANALYTICS?: AnalyticsEngineDataset
  /** `on`: one JSON line in the log for each exchange. */
  readonly WEFT_ACCESS_LOG?: string
  /** `off`: no heads of requests are kept for previews of changes. */
  readonly WEFT_SAMPLE_HEADS?: string
}

export interface Sinks {
  readonly reporting: Pick<ReporterSurroundings, "shard" | "analyse" | "recorded" | "heard" | "samples">
  readonly kept: Kept | undefined
  readonly tapper: Tapper | undefined
}

/** `region` is asked when the first report goes out. */
export function sinksOf(
  { TELEMETRY, ANALYTICS, WEFT_SAMPLE_HEADS }: TelemetryEnv,
  isolate: string,
  region: () => Region | undefined,
  around: Omit<TapperSurroundings, "shard"> & Pick<ExporterSurroundings, "tally">,
): Sinks {
  const shard = TELEMETRY && shardsOf(TELEMETRY, isolate, region)
  const kept = shard && new Kept((count) => around.tally("recorded_dropped", "", count))
  const tapper = shard && new Tapper({ ...around, shard: shard as () => ShardObject & TapShard })
  const reporting = {
    samples: TELEMETRY !== undefined && WEFT_SAMPLE_HEADS !== "off",
    ...(shard && { shard, recorded: () => kept!.take(), heard: (taps: OpenTaps | undefined) => tapper!.hear(taps) }),
    ...(ANALYTICS && { analyse: (series: readonly Series[]) => analyse(ANALYTICS, series) }),
  }
  return { reporting, kept, tapper }
}

export function accessLogOf({ WEFT_ACCESS_LOG }: TelemetryEnv): AccessLog {
  return new AccessLog(WEFT_ACCESS_LOG === "on", (line) => console.log(line))
}

/** With nowhere to bring records to there is no tracer. */
export function tracerOf(
  { settings, collector, attributes, problems }: TraceVariables,
  isolate: string,
  kept: Kept | undefined,
  around: ExporterSurroundings,
): Tracer | undefined {
  for (const problem of problems) around.log(problem)
  const listeners: RecordedListener[] = []
  if (collector) {
    const exporter = new Exporter(collector, { instance: isolate, attributes }, around)
    listeners.push((exchange, background) => exporter.add(exchange, background))
  }
  if (kept) listeners.push((exchange) => kept.add(exchange))
  return listeners.length > 0 ? new Tracer(settings, listeners, (name) => around.tally(name, "", 1)) : undefined
}

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
