/** Where a request goes in the place of where it was addressed to, as documents write it: told to who asks, or not. */

export interface RewriteDocument {
  host?: string
  path?: PathChangeDocument
  query?: QueryChangeDocument
}

export interface RedirectDocument {
  scheme?: "http" | "https"
  host?: string
  port?: number
  path?: PathChangeDocument
  /** In the place of the request's own; an empty text is none. */
  query?: string
  status?: number
}

/** A string replaces the whole path. */
export type PathChangeDocument =
  | string
  | { full: string }
  | { prefix: string }
  | { template: string }
  | { regex: PathReplacementDocument }

/** Every place in the path that the expression (RE2) takes is written anew. */
export interface PathReplacementDocument {
  /** Need not take the whole path: `^/v1(/.*)?$`, `/old/`. */
  pattern: string
  /** `/v2{1}`: `{1}` and `{name}` are the expression's groups. */
  replacement: string
}

export interface QueryChangeDocument {
  set?: { [name: string]: string }
  add?: { [name: string]: string }
  remove?: string[]
}
