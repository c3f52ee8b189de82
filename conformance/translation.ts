/**
 * Configurations of other systems in the mesh's documents. What the mesh has no word for becomes a doubt about the rule: the rule
 * is translated without it, takes at least as much as it should, and a case that it takes says nothing.
 */

import { checkRegex } from "#shared/config/admit-regex.ts"
import type { MeshDocument, RuleDocument } from "#shared/model/document.ts"
import type { MatchDocument, PathDocument, SingleValueDocument, ValueDocument } from "#shared/model/match-document.ts"
import type { PathChangeDocument } from "#shared/model/rewrite-document.ts"
import { admitRegex } from "#shared/routing/regex.ts"
import { SOMEWHERE } from "./pure-mesh.ts"

/** A reason, or one that depends on what is asked. */
export type Doubt<Asked> = string | ((asked: Asked) => string | undefined)

export interface Translated<Asked> {
  readonly rule: RuleDocument
  readonly doubts: readonly Doubt<Asked>[]
}

export class Book<Asked> {
  readonly #names = new Map<string, string>()
  readonly #doubts = new Map<string, readonly Doubt<Asked>[]>()
  readonly #routes: NonNullable<MeshDocument["routes"]> = {}

  /** A name that the mesh takes, for one of theirs. */
  name(theirs: string): string {
    const label =
      theirs
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, "-")
        .replace(/^-+|-+$/g, "")
        .slice(0, 50) || "x"
    for (let count = 0; ; count++) {
      const ours = count === 0 ? label : `${label}-${count}`
      const taken = this.#names.get(ours)
      if (taken !== undefined && taken !== theirs) continue
      this.#names.set(ours, theirs)
      return ours
    }
  }

  theirs(ours: string | undefined): string | undefined {
    return ours === undefined ? undefined : this.#names.get(ours)
  }

  /** A route whose rules are tried in turn. */
  route(theirs: string, hosts: readonly string[], rules: readonly Translated<Asked>[]): void {
    const name = this.name(theirs)
    if (rules.length === 0) return
    this.#routes[name] = { hosts: [...hosts], order: "listed", rules: rules.map(({ rule }) => rule) }
    rules.forEach(({ rule, doubts }, index) => void this.#doubts.set(`${name}/${rule.name ?? index}`, doubts))
  }

  document(): MeshDocument {
    const backends = Object.values(this.#routes).flatMap(({ rules }) => rules.flatMap(({ backends = [] }) => backends))
    return {
      services: Object.fromEntries(backends.map(({ service }) => [service, SOMEWHERE])),
      routes: this.#routes,
    }
  }

  doubtsOf(told: { readonly route?: string; readonly rule?: string }, asked: Asked): string[] {
    const doubts = this.#doubts.get(`${told.route}/${told.rule}`) ?? []
    return doubts.flatMap((doubt) => (typeof doubt === "string" ? doubt : (doubt(asked) ?? [])))
  }
}

/**
 * Prefixes of other systems go by characters: `/foo` takes `/food`. Here they go by whole segments, so that theirs is two matches: the
 * prefix, and an expression for what else begins with it.
 */
export function characterPrefix(prefix: string, ignoreCase = false): (PathDocument | undefined)[] {
  if (prefix === "/" || prefix === "") return [undefined]
  if (ignoreCase) return [{ regex: `(?i)${quoted(prefix)}.*` }]
  if (prefix.endsWith("/")) return [{ template: `${prefix}**` }]
  return [{ prefix }, { regex: `${quoted(prefix)}[^/].*` }]
}

/** A text as an expression that takes it and nothing else. */
export function quoted(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
}

/** A match with another path; none where there is nothing to match by. */
export function withPath(match: MatchDocument, path: PathDocument | undefined): MatchDocument {
  return path === undefined ? match : { ...match, path }
}

export function takesEmpty(pattern: string): boolean {
  const admitted = admitRegex(pattern)
  return "regex" in admitted && admitted.regex.matches("")
}

/** What keeps the mesh from taking an expression; undefined when it does. */
export function regexDoubt(pattern: string): string | undefined {
  return checkRegex(pattern)?.message
}

export function anyCase(text: string, kind: "exact" | "prefix" | "suffix" | "contains"): SingleValueDocument {
  const before = kind === "suffix" || kind === "contains" ? ".*" : ""
  const after = kind === "prefix" || kind === "contains" ? ".*" : ""
  return { regex: `(?is)${before}${quoted(text)}${after}` }
}

/** A condition turned around, for requests without the value or not. */
export function turnedAround(value: SingleValueDocument, takesAbsent: boolean): ValueDocument {
  return takesAbsent ? { not: value } : { all: [{ present: true }, { not: value }] }
}

/** A further condition on a header. */
export function addCondition(headers: NonNullable<MatchDocument["headers"]>, name: string, value: ValueDocument): void {
  const known = headers[name]
  headers[name] = known === undefined ? value : { all: [...conditionsIn(known), ...conditionsIn(value)] }
}

function conditionsIn(value: ValueDocument): SingleValueDocument[] {
  return typeof value === "object" && "all" in value ? value.all : [value]
}

/** What takes the place of the path that a prefix took, where prefixes go by characters. */
export function replacedPrefix(
  prefix: string,
  to: string,
  path: PathDocument | undefined,
  ignoreCase = false,
): PathChangeDocument {
  if (typeof path === "object" && "prefix" in path && !to.endsWith("/")) return { prefix: to }
  return { regex: { pattern: `${ignoreCase ? "(?i)" : ""}^${quoted(prefix)}`, replacement: to } }
}

/** An expression and what is written for what it takes, with groups as `\\1`. */
export function replacedRegex(pattern: string, substitution: string): PathChangeDocument {
  return { regex: { pattern, replacement: substitution.replace(/\\(\d)/g, "{$1}") } }
}

/** The keys of an object that nobody here has heard of. */
export function unknownIn(object: object, known: readonly string[], where: string): string[] {
  return Object.keys(object)
    .filter((key) => !known.includes(key))
    .map((key) => `${where} has ${key}, which the mesh has no word for`)
}
