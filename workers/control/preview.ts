/** What a change would do to requests like those of late. */
import { askShards } from "#durable-objects/telemetry-shards.ts"
import { shownChanges } from "#shared/config/secrets.ts"
import { blastRadius } from "#shared/exchange/preview.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { SampledHead } from "#shared/model/sample.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import { decode } from "#shared/model/snapshot-codec.ts"
import type { ApplyRequest } from "#shared/protocol/control-api.ts"
import type { Preview } from "#shared/protocol/preview.ts"
import { baseOf, drafted, noted } from "./drafts.ts"
import { type Call, reply } from "./endpoint.ts"
import { readHead } from "./mesh.ts"
import { problem } from "./problems.ts"

const EMPTY: Snapshot = { format: 1, services: [], gateways: [], routes: [] }

export async function preview(call: Call<object, object, ApplyRequest>): Promise<Response> {
  const head = await readHead(call.env)
  const draft = drafted(baseOf(call, head), call.body)
  if (draft instanceof Response) return draft
  const [before, after] = [head.text === "" ? { snapshot: EMPTY } : decode(head.text), decode(draft.text)]
  if ("reason" in before)
    return problem(409, `The head cannot be read by this version: its snapshot is ${before.reason}.`)
  if ("reason" in after)
    return problem(409, `The change cannot be read by this version: its snapshot is ${after.reason}.`)
  const shards = await askShards(call.env.TELEMETRY, (shard) => shard.heads())
  const heads = newest(shards.flatMap(({ answer = [] }) => answer))
  call.audit.shown = heads.length
  return reply<Preview>(
    {
      ...{ head: head.revision, changes: shownChanges(draft.changes), ...noted(draft, call.caller) },
      blast: blastRadius(before.snapshot, after.snapshot, heads),
      missing: shards.filter(({ answer }) => answer === undefined).map(({ name }) => name),
    },
    { head: head.revision },
  )
}

function newest(heads: readonly SampledHead[]): readonly SampledHead[] {
  return [...heads].sort((a, b) => b.atMs - a.atMs).slice(0, LIMITS.headsReplayed)
}
