/** Whom an isolate asks for routes, and where they are to be found when nobody answers. */
import { LIMITS } from "#shared/model/limits.ts"
import type { Published } from "#shared/model/snapshot.ts"
import { isCutOff } from "#shared/propagation/relay.ts"
import type { SourceRpc } from "#shared/protocol/relay.ts"
import type { Pull, PullReply } from "#shared/protocol/route-table.ts"

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

export interface Answered {
  readonly reply: PullReply
  readonly source: SourceRpc
  /** Of a relay that has not heard of the root for long nobody may know, and so nobody counts the isolates that ask it. */
  readonly by: "relay" | "root" | "cut-off relay"
}

interface Clock {
  sleep(ms: number): Promise<void>
}

/**
 * Asks the relay; and where it is silent, or has not heard of the root for long, the root, if that may be asked now. Who is asked too
 * much is not helped by asking his superior.
 */
export async function exchange(
  pull: Pull,
  sources: Sources,
  spread: number,
  mayAskRoot: () => boolean,
  clock: Clock,
): Promise<Answered | { readonly failure: unknown }> {
  const relay = sources.relay(spread)
  if (!relay) return askRoot(pull, sources, clock)
  const near = await settled(relay.pull(pull), LIMITS.relayPatienceMs, clock)
  if ("value" in near && !isCutOff(near.value)) return { reply: near.value, source: relay, by: "relay" }
  const isOverloaded = "failure" in near && (near.failure as { overloaded?: boolean }).overloaded === true
  const far = !isOverloaded && mayAskRoot() ? await askRoot(pull, sources, clock) : near
  if ("source" in far) return far
  return "value" in near ? { reply: near.value, source: relay, by: "cut-off relay" } : near
}

async function askRoot(pull: Pull, sources: Sources, clock: Clock): Promise<Answered | { readonly failure: unknown }> {
  const source = sources.root()
  const far = await settled(source.pull(pull), LIMITS.rootPatienceMs, clock)
  return "value" in far ? { reply: far.value, source, by: "root" } : far
}

async function settled<T>(
  answer: Promise<T>,
  ms: number,
  clock: Clock,
): Promise<{ readonly value: T } | { readonly failure: unknown }> {
  try {
    return { value: await within(answer, ms, clock) }
  } catch (failure) {
    return { failure }
  }
}

/** Rejects when there is no answer in time. */
export function within<T>(answer: Promise<T>, ms: number, { sleep }: Clock): Promise<T> {
  const late = sleep(ms).then(() => Promise.reject(new Error(`no answer within ${ms} ms`)))
  return Promise.race([answer, late])
}
