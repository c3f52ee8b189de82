/**
 * The list of API keys as a relay has it, so that its isolates need not all ask the root for what is new. It knows what became of
 * keys since the version at which it was told the whole; who knows less than that is told the whole, too.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { ApiKeyNews } from "#shared/protocol/api-keys.ts"

export interface KeyList {
  readonly version: number
  /** Whatever was revoked after this version is in `gone`. */
  readonly sinceVersion: number
  readonly made: ReadonlyMap<string, ApiKeyNews["made"][number]>
  readonly gone: ReadonlyMap<string, ApiKeyNews["gone"][number]>
}

/** The list after news; news that were overtaken are none. */
export function hear(list: KeyList | undefined, news: ApiKeyNews): KeyList | undefined {
  if (!list && !news.whole) return undefined
  if (list && news.version <= list.version) return list
  const made = new Map(news.whole ? [] : list?.made)
  const gone = new Map(news.whole ? [] : list?.gone)
  for (const one of news.gone) {
    made.delete(one.id)
    gone.set(one.id, one)
  }
  for (const key of news.made) {
    gone.delete(key.id)
    made.set(key.id, key)
  }
  const { version } = news
  // More than anybody needs to be told by and by: from here on the whole is told.
  if (gone.size > LIMITS.apiKeysMax) return { version, sinceVersion: version, made, gone: new Map() }
  return { version, sinceVersion: news.whole ? version : list!.sinceVersion, made, gone }
}

/** What is new to who knows `known`; undefined when nothing is. */
export function newsSince({ version, sinceVersion, made, gone }: KeyList, known: number): ApiKeyNews | undefined {
  if (known === version) return undefined
  if (known < sinceVersion) return { version, whole: true, made: [...made.values()], gone: [] }
  const isNew = (one: { readonly version: number }) => one.version > known
  return { version, made: [...made.values()].filter(isNew), gone: [...gone.values()].filter(isNew) }
}
