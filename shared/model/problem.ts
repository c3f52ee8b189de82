/** One way in which a document is wrong. Expected and plentiful: problems are values, collected, never thrown. */

export interface Problem {
  /** Where: `services.orders.subsets.v2.binding`, `routes.shop.rules[3].matches[0].path`; empty for the whole document. */
  readonly path: string
  /** The rule that is broken, a stable kebab-case word that tools may switch on: `unknown-key`, `unknown-service`. */
  readonly rule: string
  /** A sentence that quotes what was found: `"cart" must begin with "/"`. */
  readonly message: string
  /** What to do about it: `did you mean "/cart"?`. */
  readonly hint?: string
  /** The file (or `-` for standard input) and the line and column in it, from 1, where known. */
  readonly source?: { readonly file: string; readonly line: number; readonly column: number }
}
