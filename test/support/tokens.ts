/** Issuers for tests: keys, and tokens of any form that somebody could send, signed by them. */
import type { JwkDocument } from "#shared/model/authentication-document.ts"

export type Kind = "RS256" | "RS384" | "PS256" | "ES256" | "ES384" | "ES512" | "EdDSA"

const PARAMETERS = {
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
  RS384: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-384", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
  PS256: {
    name: "RSA-PSS",
    hash: "SHA-256",
    saltLength: 32,
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
  },
  ES256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  ES384: { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" },
  ES512: { name: "ECDSA", namedCurve: "P-521", hash: "SHA-512" },
  EdDSA: { name: "Ed25519" },
} as const

export interface Signer {
  readonly kind: Kind
  readonly id: string | undefined
  /** As an issuer publishes it. */
  readonly jwk: JwkDocument
  /** Signs what is given, whatever it is; objects as JSON. */
  sign(payload: object | string, header?: object | string): Promise<string>
}

export async function makeSigner(kind: Kind, id?: string, more: object = {}): Promise<Signer> {
  const parameters = PARAMETERS[kind]
  const pair = (await crypto.subtle.generateKey(parameters, true, ["sign", "verify"])) as CryptoKeyPair
  const { key_ops: _operations, ext: _extractable, ...jwk } = await crypto.subtle.exportKey("jwk", pair.publicKey)
  return {
    kind,
    id,
    jwk: { ...jwk, ...(id !== undefined && { kid: id }), alg: kind, use: "sig", ...more } as JwkDocument,
    async sign(payload, header = {}) {
      const whole = typeof header === "string" ? header : { alg: kind, typ: "JWT", ...(id && { kid: id }), ...header }
      const input = `${base64url(textOf(whole))}.${base64url(textOf(payload))}`
      const signature = await crypto.subtle.sign(parameters, pair.privateKey, new TextEncoder().encode(input))
      return `${input}.${base64url(new Uint8Array(signature))}`
    },
  }
}

export function base64url(value: string | Uint8Array): string {
  return Buffer.from(value as string).toString("base64url")
}

function textOf(value: object | string): string {
  return typeof value === "string" ? value : JSON.stringify(value)
}
