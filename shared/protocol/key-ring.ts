/** What crosses the boundary to the `KeyRing` object, which signs for the whole mesh and gives its private keys to nobody. */
import type { KeyPhase, Workload } from "#shared/model/workload-identity.ts"

export interface IssueCall {
  readonly workload: Workload
  readonly audience: string
}

export interface Issued {
  readonly token: string
  readonly expiresAtMs: number
}

/** A public key as JWKs write it. */
export interface PublicKey {
  readonly kty: "EC"
  readonly crv: "P-256"
  readonly x: string
  readonly y: string
  readonly kid: string
  readonly alg: "ES256"
  readonly use: "sig"
}

export interface KeySet {
  readonly keys: readonly PublicKey[]
}

export interface KeyStatus {
  readonly kid: string
  readonly phase: KeyPhase
  readonly createdAtMs: number
}

export interface KeyRingRpc {
  /** Undefined for a workload or an audience that no token may name. */
  issue(call: IssueCall): Promise<Issued | undefined>
  keySet(): Promise<KeySet>
  keys(): Promise<readonly KeyStatus[]>
  /** Makes the next key now. With `revoke`, that key is gone at once, and another one signs. False when there is no such key. */
  rotate(revoke: string | undefined): Promise<boolean>
}
