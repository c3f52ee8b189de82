/** What filters do to requests and responses, as pure values: the proxy carries them out. */

import type { PathChange, Rewrite } from "#shared/model/rewrite.ts"
import type { DirectResponse, Fault, Header, HeaderChange, Mirror, Redirect } from "#shared/model/route.ts"
import { isUnder } from "#shared/std/path.ts"
import type { Matched } from "./candidate.ts"
import { isCatchAll, withoutTrailingSlash } from "./path-match.ts"
import { changeQuery } from "./query.ts"
import { type LinearReplacer, linearReplacer } from "./regex.ts"
import { fill } from "./template.ts"

/** An answer of the mesh's own that is no refusal. */
export interface Answer {
  readonly status: number
  readonly headers: readonly Header[]
  readonly body: string
}

/** Where a redirect starts from: the request as it was addressed. */
export interface RedirectFrom {
  readonly scheme: "http" | "https"
  /** "" when the request addresses a service and names no host. */
  readonly host: string
  /** The listener's port. */
  readonly port: number
  readonly path: string
  readonly rawQuery: string
}

const DEFAULT_PORT = { http: 80, https: 443 } as const

/** Removes, sets, adds, then fills what is absent, in place. `add` keeps the values that are there. */
export function applyHeaderChange(headers: Headers, change: HeaderChange): void {
  for (const name of change.remove) headers.delete(name)
  for (const { name, value } of change.set) headers.set(name, value)
  for (const { name, value } of change.add) headers.append(name, value)
  if (!change.default) return
  for (const { name, value } of change.default) if (!headers.has(name)) headers.set(name, value)
}

/**
 * The path after a change; begins with "/". A prefix change replaces what the rule's prefix took, by whole segments
 * (Gateway API's table: `/foo` to `/xyz` makes `/xyz/bar` of `/foo/bar` however either is written, and to "" or `/`
 * makes `/bar`); on a match that is no prefix it replaces the whole path. The proxy brings the result into canonical
 * form again.
 */
export function rewritePath(path: string, change: PathChange, matched: Matched): string {
  switch (change.kind) {
    case "full":
      return rooted(change.value)
    case "template":
      return rooted(fill(change.value, matched.captures ?? {}))
    case "prefix":
      return rooted(withoutTrailingSlash(change.value) + afterPrefix(path, matched))
    case "regex":
      return rooted(replacerOf(change).replace(path, (groups) => fill(change.value, groups))).replace(/\/{2,}/g, "/")
  }
}

/**
 * Whether the outcome of a change stays where it was meant to lead, once it is canonical (rule S3). What an expression was
 * replaced in must be canonical as it is: pieces of paths that make a dot segment together would lead anywhere.
 */
export function staysInPlace(change: PathChange, raw: string, canonical: string): boolean {
  return change.kind === "regex" ? raw === canonical : isUnder(canonical, literalPrefix(change))
}

/**
 * The literal path that a change's result always stays under, by whole segments (rule S3): what a template writes
 * before its first capture, and what a prefix is replaced by.
 */
export function literalPrefix(change: Exclude<PathChange, { kind: "regex" }>): string {
  if (change.kind !== "template") return rooted(withoutTrailingSlash(change.value))
  const capture = change.value.indexOf("{")
  if (capture < 0) return rooted(change.value)
  return rooted(change.value.slice(0, change.value.lastIndexOf("/", capture)))
}

export function rewriteOf(rewrite: Rewrite, from: Pick<RedirectFrom, "host" | "path" | "rawQuery">, matched: Matched) {
  return {
    host: rewrite.host ?? from.host,
    path: rewrite.path ? rewritePath(from.path, rewrite.path, matched) : from.path,
    rawQuery: rewrite.query ? changeQuery(from.rawQuery, rewrite.query) : from.rawQuery,
  }
}

/**
 * The `location` of a redirect. The port is the redirect's, else its scheme's own, else the listener's, and is left
 * out where the scheme implies it (Gateway API). The query is kept, unless another is written.
 */
export function redirectLocation(redirect: Redirect, from: RedirectFrom, matched: Matched): string {
  const scheme = redirect.scheme ?? from.scheme
  const host = redirect.host ?? from.host
  const port = redirect.port ?? (redirect.scheme ? DEFAULT_PORT[redirect.scheme] : from.port)
  const path = redirect.path ? rewritePath(from.path, redirect.path, matched) : from.path
  const query = redirect.query ?? (path.includes("?") ? "" : from.rawQuery)
  const target = query === "" ? path : `${path}?${query}`
  if (host === "") return target
  return `${scheme}://${host}${port === DEFAULT_PORT[scheme] ? "" : `:${port}`}${target}`
}

export function redirectAnswer(redirect: Redirect, from: RedirectFrom, matched: Matched): Answer {
  const location = redirectLocation(redirect, from, matched)
  return { status: redirect.status, headers: [{ name: "location", value: location }], body: "" }
}

export function directAnswer(respond: DirectResponse): Answer {
  return { status: respond.status, headers: respond.headers, body: respond.body }
}

/** Whether this request is mirrored, for a throw of the dice of the mirror's own. */
export function mirrorWanted(mirror: Mirror, dice: number): boolean {
  return dice * 100 < mirror.percent
}

/** What is injected: each by its own throw, so that half delayed and half aborted is a quarter both. */
export function faultWanted(
  fault: Fault,
  delayDice: number,
  abortDice: number,
): { readonly delayMs: number | undefined; readonly abortStatus: number | undefined } {
  const { delay, abort } = fault
  return {
    delayMs: delay && delayDice * 100 < delay.percent ? delay.ms : undefined,
    abortStatus: abort && abortDice * 100 < abort.percent ? abort.status : undefined,
  }
}

const replacers = new WeakMap<PathChange, LinearReplacer>()

function replacerOf(change: Extract<PathChange, { kind: "regex" }>): LinearReplacer {
  let replacer = replacers.get(change)
  if (!replacer) {
    replacer = linearReplacer(change.pattern)
    replacers.set(change, replacer)
  }
  return replacer
}

/** What follows the prefix that the match took: "" or a text that begins with "/". */
function afterPrefix(path: string, matched: Matched): string {
  const taken = matched.match.path
  if (taken === undefined || isCatchAll(taken)) return path
  return taken.kind === "prefix" ? path.slice(withoutTrailingSlash(taken.value).length) : ""
}

function rooted(path: string): string {
  return path.startsWith("/") ? path : `/${path}`
}
