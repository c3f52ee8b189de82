/** Which chains go by the candidate: the same ones at every hop and in every isolate, and more of them with each stage. */
import { unitHash } from "#shared/std/hash.ts"

/** `share` in percent. Salted with the revision, so that it is not always the same chains that try what is new. */
export function isChosen(revision: number, share: number, traceId: string): boolean {
  return unitHash(`${revision} ${traceId}`) * 100 < share
}
