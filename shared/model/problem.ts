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
  /** The resource that the path leads into, where there is one: paths do not name the namespace. */
  readonly resource?: { readonly kind: string; readonly namespace: string; readonly name: string }
  /** The file (or `-` for standard input) and, where known, the line and column in it, from 1. */
  readonly source?: { readonly file: string; readonly line?: number; readonly column?: number }
}

/** Nothing wrong, but most likely not what was meant. Every finding says what to do about it. */
export interface Finding extends Problem {
  /** `warning`: it will not do what it says. `info`: it may be meant so. */
  readonly severity: "warning" | "info"
  readonly hint: string
}
