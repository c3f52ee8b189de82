/**
 * Hostname patterns: exact (`shop.example.com`), wildcard (`*.example.com`: one or more further labels, never the
 * apex), or `*` for any. The most specific pattern wins: exact, then the wildcard with the most labels, then any.
 */

export const ANY_HOST = "*"

/** Finds the most specific pattern for a host; the cost depends on the host's labels, not on the number of patterns. */
export class HostIndex<T> {
  readonly #exact = new Map<string, T>()
  /** By what follows the `*.`. */
  readonly #wildcards = new Map<string, T>()
  #any: T | undefined

  get(pattern: string): T | undefined {
    if (pattern === ANY_HOST) return this.#any
    return isWildcard(pattern) ? this.#wildcards.get(pattern.slice(2)) : this.#exact.get(pattern)
  }

  set(pattern: string, value: T): void {
    if (pattern === ANY_HOST) this.#any = value
    else if (isWildcard(pattern)) this.#wildcards.set(pattern.slice(2), value)
    else this.#exact.set(pattern, value)
  }

  find(host: string): T | undefined {
    const exact = this.#exact.get(host)
    if (exact !== undefined) return exact
    if (this.#wildcards.size > 0) {
      for (let dot = host.indexOf("."); dot >= 0; dot = host.indexOf(".", dot + 1)) {
        const wildcard = this.#wildcards.get(host.slice(dot + 1))
        if (wildcard !== undefined) return wildcard
      }
    }
    return this.#any
  }
}

/** The hostnames that both patterns take, as one pattern; undefined when there are none (Gateway API: intersection). */
export function intersect(left: string, right: string): string | undefined {
  // Of two patterns that overlap, one always holds the other.
  if (covers(left, right)) return right
  return covers(right, left) ? left : undefined
}

function covers(wide: string, narrow: string): boolean {
  if (wide === ANY_HOST || wide === narrow) return true
  return isWildcard(wide) && narrow.endsWith(wide.slice(1))
}

function isWildcard(pattern: string): boolean {
  return pattern.startsWith("*.")
}
