/** How the mesh's own parts are, as control finds them: facts. What is wrong with them is for who reads them to say. */
import type { KeyStatus } from "./key-ring.ts"

export interface Vitals {
  /** Of control. */
  readonly version: string
  /** Control's clock. */
  readonly nowMs: number
  /** Every object that there is one of, and every shard of telemetry. */
  readonly objects: readonly ObjectVitals[]
  /** Shards that have counted anything. */
  readonly telemetry: readonly ShardStatus[]
  /** Of workload identity; absent when the object did not answer. */
  readonly signingKeys?: readonly KeyStatus[]
  /** What is over, or will be within two weeks; tokens only for an admin. */
  readonly expiring: readonly Expiring[]
}

export interface ObjectVitals {
  /** `route table`, `telemetry weur`. */
  readonly name: string
  readonly tookMs: number
  /** Absent: it answered. */
  readonly failed?: string
}

export interface ShardStatus {
  readonly shard: string
  readonly series: number
  readonly seriesMax: number
  readonly requests: number
  /** Requests that were counted as `other`, in isolates and here. */
  readonly overflowed: number
  /** Requests in reports that were given up on. */
  readonly lost: number
  /** Reports that never came although later ones did. */
  readonly lostReports: number
  /** Isolates that reported within the last minute, and the oldest routes among them. */
  readonly isolates: number
  readonly snapshotAgeMs: number
}

export interface Expiring {
  readonly kind: "token" | "key"
  readonly name: string
  readonly expiresAtMs: number
}
