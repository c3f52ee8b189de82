/** Signs consistency tokens and tickets of probes. The key is made when it is needed first and never leaves the object; isolates hear the public half. */
import { claimsOf, signedText } from "#shared/propagation/consistency.ts"
import { ticketClaims, ticketText } from "#shared/protocol/probe.ts"
import { toBase64url } from "#shared/std/base64url.ts"

interface Kept {
  readonly publicKey: string
  readonly privateKey: JsonWebKey
}

const KEY = "consistency-key"
const ALGORITHM = { name: "Ed25519" }

export class Signer {
  readonly #kv: SyncKvStorage
  #key: Promise<CryptoKey> | undefined

  constructor(kv: SyncKvStorage) {
    this.#kv = kv
  }

  /** 32 bytes in base64url; undefined before the first token. */
  get publicKey(): string | undefined {
    return this.#kv.get<Kept>(KEY)?.publicKey
  }

  async consistencyToken(revision: number, nowMs: number): Promise<string> {
    const claims = claimsOf(revision, nowMs)
    return `${claims}.${await this.#sign(signedText(claims))}`
  }

  async ticket(nowMs: number): Promise<string> {
    const claims = ticketClaims(nowMs)
    return `${claims}.${await this.#sign(ticketText(claims))}`
  }

  async #sign(text: string): Promise<string> {
    this.#key ??= this.#open()
    const signature = await crypto.subtle.sign(ALGORITHM, await this.#key, new TextEncoder().encode(text))
    return toBase64url(new Uint8Array(signature))
  }

  async #open(): Promise<CryptoKey> {
    const kept = this.#kv.get<Kept>(KEY)
    if (kept) return crypto.subtle.importKey("jwk", kept.privateKey, ALGORITHM, false, ["sign"])
    const pair = (await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"])) as CryptoKeyPair
    const publicKey = toBase64url(new Uint8Array((await crypto.subtle.exportKey("raw", pair.publicKey)) as ArrayBuffer))
    this.#kv.put(KEY, { publicKey, privateKey: (await crypto.subtle.exportKey("jwk", pair.privateKey)) as JsonWebKey })
    return pair.privateKey
  }
}
