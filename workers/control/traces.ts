/** What is kept of one trace, of all shards together. */
import { askShards } from "#durable-objects/telemetry-shards.ts"
import { namespaceOf } from "#shared/model/names.ts"
import type { RecordedExchange, Trace } from "#shared/telemetry/recorded.ts"
import { type Call, reply } from "./endpoint.ts"
import { problem } from "./problems.ts"
import type { TraceParams } from "./schemas-tap.ts"

export async function showTrace({
  env,
  params,
  caller,
  audit,
}: Call<TraceParams, object, undefined>): Promise<Response> {
  const traceId = params.id
  const shards = await askShards(env.TELEMETRY, async (shard) => (await shard.recordedOf(traceId)).map(read))
  const missing = shards.filter(({ answer }) => answer === undefined).map(({ name }) => name)
  const mine = ({ to }: RecordedExchange) =>
    caller.namespaces === undefined || (to !== undefined && caller.namespaces.includes(namespaceOf(to as never)))
  const exchanges = shards.flatMap(({ answer }) => answer ?? []).filter(mine)
  if (exchanges.length === 0 && missing.length === 0) {
    return problem(
      404,
      "Nothing of this trace was recorded, or it is gone again. Failed exchanges are kept, sampled ones, and those sent with `weft-debug: 1`.",
    )
  }
  // A report that came twice is kept twice.
  const distinct = new Map(exchanges.map((exchange) => [exchange.trace.spanId, exchange]))
  audit.shown = distinct.size
  return reply<Trace>({ traceId, exchanges: [...distinct.values()].sort((a, b) => a.atMs - b.atMs), missing })
}

function read(text: string): RecordedExchange {
  return JSON.parse(text) as RecordedExchange
}
