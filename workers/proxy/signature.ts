/** The only place that verifies signatures, by a library: `jose`. What is to be verified, by which key, has been decided before. */
import { compactVerify } from "jose/jws/compact/verify"
import type { Token } from "#shared/identity/jws.ts"
import type { VerifyKey } from "#shared/identity/key-set.ts"

/** The bare key. The library remembers by this object what it has imported. */
const material = new WeakMap<VerifyKey, Parameters<typeof compactVerify>[1]>()

/** The key fits the algorithm: `chooseKey` has seen to that. What the runtime finds fault with is no signature. */
export async function isSignedBy(token: Token, key: VerifyKey): Promise<boolean> {
  try {
    await compactVerify(token.text, materialOf(key), { algorithms: [token.algorithm] })
    return true
  } catch {
    return false
  }
}

function materialOf(key: VerifyKey): Parameters<typeof compactVerify>[1] {
  const known = material.get(key)
  if (known) return known
  const { kid: _kid, alg: _alg, use: _use, key_ops: _operations, ...bare } = key.jwk
  material.set(key, bare)
  return bare
}
