/**
 * Strict JSON for what strangers send: duplicate keys and `__proto__` are refused, objects have no prototype, depth is
 * capped. Linear in the length of the text. For everything that it takes, it agrees with `JSON.parse`.
 */

export interface JsonProblem {
  readonly rule: "syntax" | "duplicate-key" | "forbidden-key" | "too-deep" | "number-range"
  readonly message: string
  /** From 1. */
  readonly line: number
  readonly column: number
}

const DEPTH_MAX = 64
const SPACE = /[ \t\n\r]*/y
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const QUOTE = 0x22
const BACKSLASH = 0x5c
const SPACE_CODE = 0x20
const WORDS = new Map<string, unknown>([
  ["t", true],
  ["f", false],
  ["n", null],
])

export function parseJson(
  text: string,
  options?: { readonly depthMax?: number },
): { value: unknown } | { problem: JsonProblem } {
  const reader = new Reader(text, options?.depthMax ?? DEPTH_MAX)
  try {
    return { value: reader.document() }
  } catch (refusal) {
    if (!(refusal instanceof Refused)) throw refusal
    return { problem: { rule: refusal.rule, message: refusal.message, ...position(text, refusal.offset) } }
  }
}

/** Unwinds the recursion below; never leaves this file. */
class Refused extends Error {
  readonly rule: JsonProblem["rule"]
  readonly offset: number
  constructor(rule: JsonProblem["rule"], message: string, offset: number) {
    super(message)
    this.rule = rule
    this.offset = offset
  }
}

class Reader {
  readonly #text: string
  readonly #depthMax: number
  #offset = 0

  constructor(text: string, depthMax: number) {
    this.#text = text
    this.#depthMax = depthMax
  }

  document(): unknown {
    const value = this.#value(0)
    this.#space()
    if (this.#offset < this.#text.length) this.#unexpected()
    return value
  }

  #value(depth: number): unknown {
    this.#space()
    const first = this.#text[this.#offset]
    if (first === "{" || first === "[") {
      if (depth >= this.#depthMax) throw new Refused("too-deep", `Nested deeper than ${this.#depthMax}`, this.#offset)
      this.#offset++
      return first === "{" ? this.#object(depth + 1) : this.#array(depth + 1)
    }
    if (first === '"') return this.#string()
    if (first !== undefined && WORDS.has(first)) return this.#word(first)
    return this.#number()
  }

  #object(depth: number): unknown {
    const object: Record<string, unknown> = Object.create(null)
    if (this.#takes("}")) return object
    do {
      this.#space()
      const start = this.#offset
      if (this.#text[start] !== '"') this.#unexpected()
      const key = this.#string()
      if (key === "__proto__") throw new Refused("forbidden-key", 'The key "__proto__" is not allowed', start)
      if (key in object) throw new Refused("duplicate-key", `The key ${JSON.stringify(key)} stands here twice`, start)
      if (!this.#takes(":")) this.#unexpected()
      object[key] = this.#value(depth)
    } while (this.#takes(","))
    if (!this.#takes("}")) this.#unexpected()
    return object
  }

  #array(depth: number): unknown[] {
    const array: unknown[] = []
    if (this.#takes("]")) return array
    do array.push(this.#value(depth))
    while (this.#takes(","))
    if (!this.#takes("]")) this.#unexpected()
    return array
  }

  #string(): string {
    const start = this.#offset
    // By hand: a regular expression over a string of megabytes would exhaust the engine's backtracking stack.
    let end = start + 1
    for (let code = this.#code(end); code !== QUOTE; code = this.#code(++end)) {
      if (code === BACKSLASH) end++
      else if (!(code >= SPACE_CODE))
        throw new Refused("syntax", "This string has no end, or a control character in it", start)
    }
    this.#offset = end + 1
    const literal = this.#text.slice(start, this.#offset)
    if (!literal.includes("\\")) return literal.slice(1, -1)
    try {
      return JSON.parse(literal) as string
    } catch {
      throw new Refused("syntax", "This string has a bad escape", start)
    }
  }

  #number(): number {
    const start = this.#offset
    const literal = this.#match(NUMBER)
    if (literal === undefined) this.#unexpected()
    const number = Number(literal)
    if (!Number.isFinite(number)) throw new Refused("number-range", "This number is too large", start)
    return number
  }

  #word(first: string): unknown {
    const value = WORDS.get(first)
    const word = String(value)
    if (!this.#text.startsWith(word, this.#offset)) this.#unexpected()
    this.#offset += word.length
    return value
  }

  /** Whether the next character is this one; if so, it is passed. */
  #takes(character: string): boolean {
    this.#space()
    if (this.#text[this.#offset] !== character) return false
    this.#offset++
    return true
  }

  #space(): void {
    this.#match(SPACE)
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#offset
    const found = pattern.exec(this.#text)?.[0]
    if (found !== undefined) this.#offset += found.length
    return found
  }

  /** NaN at the end of the text. */
  #code(offset: number): number {
    return this.#text.charCodeAt(offset)
  }

  #unexpected(): never {
    const found = this.#text[this.#offset]
    const message = found === undefined ? "The text ends too early" : `Unexpected ${JSON.stringify(found)}`
    throw new Refused("syntax", message, this.#offset)
  }
}

function position(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset)
  const lineStart = before.lastIndexOf("\n") + 1
  return { line: before.split("\n").length, column: offset - lineStart + 1 }
}
