/** What a sender may ask for: what control has signed for him. What is not, or not any more, asks for nothing. */
import { parseToken, signedText } from "#shared/propagation/consistency.ts"
import { parseTicket, type Ticket, ticketText } from "#shared/protocol/probe.ts"
import { fromBase64url } from "#shared/std/base64url.ts"

const ALGORITHM = { name: "Ed25519" }

export class Consistency {
  /** As the feed tells them. */
  #keys: readonly string[] = []
  #opened: { readonly of: readonly string[]; readonly keys: readonly CryptoKey[] } = { of: [], keys: [] }

  hear(keys: readonly string[]): void {
    this.#keys = keys
  }

  /** The revision; 0 for none. */
  async floorOf(header: string, nowMs: number): Promise<number> {
    const token = parseToken(header)
    if (!token || token.expiresAtMs < nowMs) return 0
    return (await this.#isSigned(signedText(token.claims), token.signature)) ? token.revision : 0
  }

  /** Undefined: the sender is served as if he had none. */
  async ticketOf(header: string, nowMs: number): Promise<Ticket | undefined> {
    const ticket = parseTicket(header)
    if (!ticket || ticket.expiresAtMs < nowMs) return undefined
    return (await this.#isSigned(ticketText(ticket.claims), ticket.signature)) ? ticket : undefined
  }

  async #isSigned(text: string, written: string): Promise<boolean> {
    const signature = fromBase64url(written)
    const bytes = new TextEncoder().encode(text)
    for (const key of await this.#open()) {
      if (signature && (await crypto.subtle.verify(ALGORITHM, key, signature, bytes))) return true
    }
    return false
  }

  async #open(): Promise<readonly CryptoKey[]> {
    const of = this.#keys
    if (this.#opened.of.join() === of.join()) return this.#opened.keys
    const opened = await Promise.all(of.map(imported))
    const keys = opened.filter((key) => key !== undefined)
    this.#opened = { of, keys }
    return keys
  }
}

async function imported(key: string): Promise<CryptoKey | undefined> {
  const bytes = fromBase64url(key)
  try {
    return bytes && (await crypto.subtle.importKey("raw", bytes, ALGORITHM, false, ["verify"]))
  } catch {
    return undefined
  }
}
