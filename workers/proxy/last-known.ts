/**
 * Routes from where no object is asked: the data centre's cache, which isolates fill, and a KV namespace, which control fills. A cold
 * isolate begins with them while objects are out of reach, and a snapshot that is large comes from the cache rather than
 * from the relay, by its digest. Workers without a cache, or without a namespace, do without.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { Published } from "#shared/model/snapshot.ts"
import { LAST_KNOWN_KEY, readLastHead, readLastKnown, writeLastHead } from "#shared/protocol/last-known.ts"
import type { LastKnown } from "./sources.ts"

/** No such host exists: cache keys must be URLs. */
const ORIGIN = "https://snapshots.weft.invalid"
const KEPT_SECONDS = 7 * 24 * 60 * 60
const CACHE_NAME = "weft-snapshots"

export class WorkerLastKnown implements LastKnown {
  readonly #namespace: KVNamespace | undefined

  constructor(namespace: KVNamespace | undefined) {
    this.#namespace = namespace
  }

  async cached(digest: string): Promise<string | undefined> {
    return this.#read(digest)
  }

  async find(): Promise<Published | undefined> {
    const [near, far] = await Promise.all([this.#newestCached(), this.#newestInNamespace()])
    return near && far ? (near.revision >= far.revision ? near : far) : (near ?? far)
  }

  async keep({ revision, digest, text }: Published, isTextKept: boolean): Promise<void> {
    if (!isTextKept) await this.#write(digest, text)
    await this.#write("newest", writeLastHead({ revision, digest }))
  }

  async #newestCached(): Promise<Published | undefined> {
    const head = readLastHead(await this.#read("newest"))
    const text = head && (await this.#read(head.digest))
    return head && text !== undefined ? { ...head, text } : undefined
  }

  async #newestInNamespace(): Promise<Published | undefined> {
    try {
      return readLastKnown(await this.#namespace?.get(LAST_KNOWN_KEY))
    } catch {
      return undefined
    }
  }

  async #read(key: string): Promise<string | undefined> {
    try {
      const response = await (await caches.open(CACHE_NAME)).match(urlOf(key))
      return await response?.text()
    } catch {
      return undefined
    }
  }

  async #write(key: string, text: string): Promise<void> {
    if (text.length > LIMITS.snapshotBytesMax) return
    try {
      const headers = { "cache-control": `public, max-age=${KEPT_SECONDS}`, "content-type": "application/json" }
      await (await caches.open(CACHE_NAME)).put(urlOf(key), new Response(text, { headers }))
    } catch {
      // There is none, or it is full: nothing is lost but time.
    }
  }
}

function urlOf(key: string): string {
  return `${ORIGIN}/${key}`
}
