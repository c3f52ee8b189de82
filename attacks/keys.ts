/** The keys of the issuer that cases speak of, and signatures with any of them, whatever the token's header says. */
import { createHmac, generateKeyPairSync, type KeyObject, sign as signBytes } from "node:crypto"

export const ISSUER = "https://iss.test"
export const AUDIENCE = "api"

export type KeyName = "k1" | "no-alg" | "k2" | "p384" | "enc-key" | "wrap-key" | "stranger"

interface Pair {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** What the issuer says of the key. Absent: the issuer does not know it. */
  readonly says?: object
}

const rsa = (says?: object): Pair => ({ ...generateKeyPairSync("rsa", { modulusLength: 2048 }), ...(says && { says }) })
const ec = (namedCurve: string, says: object): Pair => ({ ...generateKeyPairSync("ec", { namedCurve }), says })

export class Keys {
  /** A good API key, once one was made. */
  apiKey: string | undefined

  readonly #pairs: Readonly<Record<KeyName, Pair>> = {
    k1: rsa({ alg: "RS256", use: "sig" }),
    "no-alg": rsa({}),
    k2: ec("P-256", { alg: "ES256", use: "sig" }),
    p384: ec("P-384", { use: "sig" }),
    "enc-key": rsa({ use: "enc" }),
    "wrap-key": rsa({ key_ops: ["wrapKey"] }),
    stranger: rsa(),
  }

  /** The issuer's key set. */
  jwks(): { readonly keys: readonly object[] } {
    const keys = Object.entries(this.#pairs).filter(([, { says }]) => says !== undefined)
    return {
      keys: keys.map(([kid, { publicKey, says }]) => ({ ...publicKey.export({ format: "jwk" }), kid, ...says })),
    }
  }

  /** A public key as a text, for who would take it for a shared secret. */
  pem(name: KeyName): string {
    return this.#pairs[name].publicKey.export({ type: "spki", format: "pem" }).toString()
  }

  jwk(name: KeyName): object {
    return this.#pairs[name].publicKey.export({ format: "jwk" })
  }

  sign(name: KeyName, input: string): string {
    const { privateKey } = this.#pairs[name]
    const isCurve = privateKey.asymmetricKeyType === "ec"
    const key = isCurve ? { key: privateKey, dsaEncoding: "ieee-p1363" as const } : privateKey
    return signBytes(name === "p384" ? "sha384" : "sha256", Buffer.from(input), key).toString("base64url")
  }
}

export function hmac(secret: string, input: string): string {
  return createHmac("sha256", secret).update(input).digest("base64url")
}
