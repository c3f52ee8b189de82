/** Whom an isolate asks for routes, and where they are to be found when nobody answers. */
import type { Published } from "#shared/model/snapshot.ts"
import type { SourceRpc } from "#shared/protocol/relay.ts"

/** Who can be asked. A stub must not be kept beyond the request that made it, so that each question takes a fresh one. */
export interface Sources {
  /** The relay of this isolate's region, or its share of it; undefined where the proxy has no binding to relays. */
  relay(spread: number): SourceRpc | undefined
  root(): SourceRpc
  readonly lastKnown: LastKnown
}

/** Routes from where no object is asked. */
export interface LastKnown {
  /** The text of this digest. Whoever takes it checks it. */
  cached(digest: string): Promise<string | undefined>
  /** The newest that is found. Undefined: nothing, or not in time. */
  find(): Promise<Published | undefined>
  /** Puts what this isolate serves now into the cache. */
  keep(published: Published, isTextKept: boolean): Promise<void>
}
