/** Whether a commit becomes a revision: compare-and-set on the head, and once for each key. */

export type CommitDecision =
  /** The key has made this revision before. */
  | { readonly outcome: "repeated"; readonly revision: number }
  /** Somebody else was faster. */
  | { readonly outcome: "stale"; readonly head: number }
  | { readonly outcome: "commit"; readonly revision: number }

/** `earlier`: what this commit's key has made. A repeat comes first: the commit that is repeated may itself have moved the head. */
export function decideCommit(head: number, expected: number, earlier: number | undefined): CommitDecision {
  if (earlier !== undefined) return { outcome: "repeated", revision: earlier }
  return head === expected ? { outcome: "commit", revision: head + 1 } : { outcome: "stale", head }
}
