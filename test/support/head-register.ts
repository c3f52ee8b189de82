/** The head of a mesh as a register: numbered by one more with each write, written if it is as expected, or whatever it is. */
import type { Model } from "./linearizable.ts"

export interface Head {
  readonly revision: number
  /** The write that made it; "" before the first. */
  readonly by: string
}

export type HeadOp =
  | { readonly kind: "read"; readonly saw: Head }
  | {
      readonly kind: "write"
      readonly by: string
      /** Only if this is the head. */
      readonly expected?: number
      /** Unknown when no answer ever came. */
      readonly outcome?:
        | { readonly is: "committed"; readonly revision: number }
        /** Refused, because this was the head instead of the expected one. */
        | { readonly is: "stale"; readonly head: number }
        /** Refused, because others were faster too often. */
        | { readonly is: "busy" }
    }

export const HEAD: Model<Head, HeadOp> = {
  initial: { revision: 0, by: "" },
  keyOf: ({ revision, by }) => `${revision} ${by}`,
  step(head, op) {
    if (op.kind === "read") return op.saw.revision === head.revision && op.saw.by === head.by ? head : undefined
    const { expected, outcome, by } = op
    const fits = expected === undefined || expected === head.revision
    const written = { revision: head.revision + 1, by }
    if (outcome === undefined) return fits ? written : head
    if (outcome.is === "busy") return head
    if (outcome.is === "stale") return !fits && outcome.head === head.revision ? head : undefined
    return fits && outcome.revision === written.revision ? written : undefined
  },
}
