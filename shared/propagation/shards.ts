/** Where counts are kept: one shard of telemetry a region, and a few for isolates that do not know where they are. */
import { hash32 } from "#shared/std/hash.ts"
import { NOWHERE, REGIONS, type Region } from "./regions.ts"

/** `env.TELEMETRY.getByName(name, { locationHint: hint })`. */
export interface Shard {
  readonly name: string
  readonly hint?: Region
}

const UNPLACED = 4

/** All shards that there can be. A reader asks all of them: constant work, and no list that could be wrong. */
export const SHARDS: readonly Shard[] = [
  ...REGIONS.map((region) => ({ name: region, hint: region })),
  ...Array.from({ length: UNPLACED }, (_, index) => ({ name: `${NOWHERE}-${index}` })),
]

/** The shard that an isolate reports to for as long as it lives. */
export function shardFor(isolate: string, region: Region | undefined): Shard {
  return region ? { name: region, hint: region } : { name: `${NOWHERE}-${hash32(isolate) % UNPLACED}` }
}
