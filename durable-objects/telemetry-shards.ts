/** Asks all shards of telemetry at once, and waits for none of them for long. */
import { LIMITS } from "#shared/model/limits.ts"
import { SHARDS } from "#shared/propagation/shards.ts"
import type { TelemetryRpc } from "#shared/protocol/telemetry.ts"
import { inTime } from "./in-time.ts"

export type Shard = Pick<TelemetryRpc, "compare" | "heads" | "recordedOf" | "totals" | "vitals" | "window">

/** A shard that does not answer in time, or not so that it can be read, has no answer here. */
export async function askShards<T>(
  telemetry: DurableObjectNamespace,
  ask: (shard: Shard, name: string) => Promise<T>,
): Promise<{ readonly name: string; readonly answer: T | undefined }[]> {
  return Promise.all(
    SHARDS.map(async ({ name, hint }) => {
      try {
        const shard = telemetry.getByName(name, hint && { locationHint: hint }) as unknown as Shard
        return { name, answer: await inTime(ask(shard, name), LIMITS.shardAnswerMs, givenUp) }
      } catch (error) {
        console.warn(`weft: the telemetry of ${name} does not answer: ${error}`)
        return { name, answer: undefined }
      }
    }),
  )
}

function givenUp(): never {
  throw new Error("no answer in time")
}
