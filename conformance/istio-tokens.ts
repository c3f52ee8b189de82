/** Tokens of Istio's cases: claims by name, signed here. */
import { generateKeyPairSync, type KeyPairKeyObjectResult, sign } from "node:crypto"
import { record } from "./gateway-api.ts"

export interface TokenBook {
  /** A text with tokens in the places of their names: `Bearer <TokenIssuer1>`, `<payload segment of TokenIssuer1>`. */
  fill(text: string): string
  claimsOf(name: string): Readonly<Record<string, unknown>> | undefined
}

const KEY_ID = "conformance"
let pair: KeyPairKeyObjectResult | undefined

/** One pair for all issuers of a run. */
function keyPair(): KeyPairKeyObjectResult {
  pair ??= generateKeyPairSync("rsa", { modulusLength: 2048 })
  return pair
}

/** What all issuers publish. */
export function publishedKeys(): readonly object[] {
  return [{ ...keyPair().publicKey.export({ format: "jwk" }), kid: KEY_ID, alg: "RS256", use: "sig" }]
}

export function tokenBook(tokens: Readonly<Record<string, unknown>>): TokenBook {
  const segments = new Map<string, readonly string[]>()
  for (const [name, token] of Object.entries(tokens)) {
    const { header, claims, text } = record(token)
    segments.set(name, typeof claims === "object" ? signed(record(header), record(claims)) : [String(text ?? name)])
  }
  return {
    fill: (text) =>
      text.replace(/<(payload segment of )?([A-Za-z0-9]+)>/g, (written, segment: string | undefined, name: string) => {
        const found = segments.get(name)
        if (!found) return written
        return segment ? (found[1] ?? "") : found.join(".")
      }),
    claimsOf: (name) => {
      const { claims } = record(tokens[name])
      return typeof claims === "object" ? record(claims) : undefined
    },
  }
}

function signed(header: object, claims: object): readonly string[] {
  const input = [{ ...header, kid: KEY_ID }, claims].map((one) =>
    Buffer.from(JSON.stringify(one)).toString("base64url"),
  )
  return [...input, sign("sha256", Buffer.from(input.join(".")), keyPair().privateKey).toString("base64url")]
}
