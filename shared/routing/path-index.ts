/**
 * Finds the candidates whose path match takes a path, at a cost that depends on the path and on what is found, not on
 * how many candidates there are:
 *
 *   exact      a map
 *   prefix     a trie of whole segments; each node knows the next shorter prefix that is configured
 *   template   a trie of segments, walked literal first, then one segment, then the rest
 *   regex      one machine for all expressions, asked only while one of them could still win
 *   any        a list
 */
import type { Candidate, Sink } from "./candidate.ts"
import { isCatchAll, withoutTrailingSlash } from "./path-match.ts"
import { RegexSet } from "./regex.ts"
import { endOfSegment, type TemplateSegment } from "./template.ts"

export class PathIndex {
  readonly #exact = new Map<string, Candidate[]>()
  readonly #prefixes = new PrefixNode()
  readonly #templates = new TemplateNode()
  readonly #regexes: RegexCandidates
  readonly #any: Candidate[] = []
  /** The least position of each kind; a kind is walked only while a candidate at that place could still win. */
  readonly #first = {
    prefix: Number.POSITIVE_INFINITY,
    template: Number.POSITIVE_INFINITY,
    regex: Number.POSITIVE_INFINITY,
  }

  /** `candidates` come sorted by position. */
  constructor(candidates: readonly Candidate[]) {
    const byPattern = new Map<string, Candidate[]>()
    for (const candidate of candidates) {
      const path = candidate.matched.match.path
      if (path === undefined || isCatchAll(path)) this.#any.push(candidate)
      else if (path.kind === "exact") append(this.#exact, path.value, candidate)
      else {
        this.#first[path.kind] = Math.min(this.#first[path.kind], candidate.position)
        if (path.kind === "prefix") this.#prefixes.add(withoutTrailingSlash(path.value), candidate)
        else if (path.kind === "regex") append(byPattern, path.value, candidate)
        else if (candidate.template) this.#templates.add(candidate.template, candidate)
      }
    }
    this.#prefixes.linkShorter(undefined)
    this.#regexes = new RegexCandidates(byPattern)
  }

  /** Offers them in falling specificity of the path, so that with that order the first taker ends the search. */
  visit(path: string, sink: Sink): void {
    const exact = this.#exact.get(path)
    if (exact) sink.offer(exact)
    if (sink.wants(this.#first.prefix)) {
      for (let node: PrefixNode | undefined = this.#prefixes.longest(path); node; node = node.shorter)
        sink.offer(node.candidates)
    }
    if (sink.wants(this.#first.template)) this.#templates.visit(path, 1, sink)
    if (sink.wants(this.#first.regex)) this.#regexes.visit(path, sink)
    sink.offer(this.#any)
  }
}

class PrefixNode {
  readonly candidates: Candidate[] = []
  /** The nearest node above that has candidates. */
  shorter: PrefixNode | undefined
  #children: Map<string, PrefixNode> | undefined

  add(prefix: string, candidate: Candidate): void {
    let node: PrefixNode = this
    for (const segment of prefix.slice(1).split("/")) {
      node.#children ??= new Map()
      node = entry(node.#children, segment, () => new PrefixNode())
    }
    node.candidates.push(candidate)
  }

  linkShorter(above: PrefixNode | undefined): void {
    this.shorter = above
    const nearest = this.candidates.length > 0 ? this : above
    for (const child of this.#children?.values() ?? []) child.linkShorter(nearest)
  }

  /** The end of the walk along the path: no longer prefix is configured. It may have candidates of its own or not. */
  longest(path: string): PrefixNode {
    let node: PrefixNode = this
    let start = 1
    while (node.#children && start <= path.length) {
      const end = endOfSegment(path, start)
      const child = node.#children.get(path.slice(start, end))
      if (!child) break
      node = child
      start = end + 1
    }
    return node
  }
}

class TemplateNode {
  readonly #ending: Candidate[] = []
  readonly #rest: Candidate[] = []
  #literals: Map<string, TemplateNode> | undefined
  #one: TemplateNode | undefined

  add(template: readonly TemplateSegment[], candidate: Candidate): void {
    let node: TemplateNode = this
    for (const segment of template) {
      if (segment.kind === "rest") {
        node.#rest.push(candidate)
        return
      }
      if (segment.kind === "literal") {
        node.#literals ??= new Map()
        node = entry(node.#literals, segment.text, () => new TemplateNode())
      } else {
        node.#one ??= new TemplateNode()
        node = node.#one
      }
    }
    node.#ending.push(candidate)
  }

  /** `start` is where the next segment begins; one past the end when there is none. */
  visit(path: string, start: number, sink: Sink): void {
    if (start > path.length) {
      sink.offer(this.#ending)
      return
    }
    if (this.#literals || this.#one) {
      const end = endOfSegment(path, start)
      this.#literals?.get(path.slice(start, end))?.visit(path, end + 1, sink)
      if (end > start) this.#one?.visit(path, end + 1, sink)
    }
    sink.offer(this.#rest)
  }
}

class RegexCandidates {
  readonly #lists: readonly (readonly Candidate[])[]
  readonly #set: RegexSet

  constructor(byPattern: ReadonlyMap<string, readonly Candidate[]>) {
    this.#lists = [...byPattern.values()]
    this.#set = new RegexSet([...byPattern.keys()])
  }

  visit(path: string, sink: Sink): void {
    for (const index of this.#set.matches(path)) sink.offer(this.#lists[index] ?? [])
  }
}

function append(lists: Map<string, Candidate[]>, key: string, candidate: Candidate): void {
  entry(lists, key, () => []).push(candidate)
}

function entry<V>(map: Map<string, V>, key: string, create: () => V): V {
  let value = map.get(key)
  if (value === undefined) {
    value = create()
    map.set(key, value)
  }
  return value
}
