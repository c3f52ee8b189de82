/** Where a request goes in the place of where it was addressed to. */

export interface Rewrite {
  /** One host, without wildcard. */
  readonly host?: string
  /** Canonical again afterwards, and still under the literal part of what is written here; else the request is refused. */
  readonly path?: PathChange
  /** Absent: the query stays. */
  readonly query?: QueryChange
}

export type PathChange =
  /** Replaces the whole path. */
  | { readonly kind: "full"; readonly value: string }
  /** Replaces the prefix that the rule's path match took, by whole segments. */
  | { readonly kind: "prefix"; readonly value: string }
  /** Fills the captures of the rule's path template: `/v2/users/{id}`. */
  | { readonly kind: "template"; readonly value: string }
  /** Writes every place anew that the expression takes (Envoy: regex_rewrite); `{1}` and `{name}` are its groups. */
  | { readonly kind: "regex"; readonly pattern: string; readonly value: string }

/** Applied in this order: remove, set, add. Names are case-sensitive; the other parameters stay as they are written. */
export interface QueryChange {
  /** Replaces all values of the parameter. */
  readonly set: readonly Parameter[]
  /** Keeps the values that are there. */
  readonly add: readonly Parameter[]
  /** Takes the parameter away. */
  readonly remove: readonly string[]
}

export interface Parameter {
  readonly name: string
  readonly value: string
}
