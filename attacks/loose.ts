/** Values as prose writes them: `{alg:'None'}`, `[['api']]`, `'9999999999'`, `1e400`. Kept as JSON text, so that what JSON cannot say is kept too. */

/** Members by name, each as JSON text. */
export type Members = Readonly<Record<string, string>>

export interface Read<T> {
  readonly value: T
  /** What follows in the text. */
  readonly rest: string
}

/** The value at the beginning of a text, as JSON text. */
export function readValue(text: string): Read<string> | undefined {
  const [first] = text
  if (first === "{") {
    const read = readMembers(text)
    return read && { value: jsonOf(Object.entries(read.value)), rest: read.rest }
  }
  if (first === "[") return readList(text)
  if (first === "'" || first === '"') {
    const quoted = first === '"' ? /^"((?:[^"\\]|\\.)*)"/s.exec(text) : /^'((?:[^'\\]|\\.)*)'/s.exec(text)
    return quoted ? { value: JSON.stringify(unescaped(quoted[1]!)), rest: text.slice(quoted[0].length) } : undefined
  }
  const [word] = /^[^\s,;}\]]+/.exec(text) ?? []
  if (word === undefined) return undefined
  const isNumber = /^(-?\d+(\.\d+)?(e[+-]?\d+)?|NaN|-?Infinity|true|false|null)$/i.test(word)
  return { value: isNumber ? word : JSON.stringify(word), rest: text.slice(word.length) }
}

/** `{a:1,'b':[2]}` at the beginning of a text. */
export function readMembers(text: string): Read<Members> | undefined {
  if (!text.startsWith("{")) return undefined
  const members: Record<string, string> = Object.create(null)
  let rest = text.slice(1).trimStart()
  while (!rest.startsWith("}")) {
    const key = /^(?:'([^']*)'|"([^"]*)"|([\w$-]+))\s*:\s*/.exec(rest)
    const value = key && readValue(rest.slice(key[0].length))
    if (!value) return undefined
    members[(key[1] ?? key[2] ?? key[3])!] = value.value
    rest = value.rest.trimStart().replace(/^,\s*/, "")
  }
  return { value: members, rest: rest.slice(1) }
}

function readList(text: string): Read<string> | undefined {
  const values: string[] = []
  let rest = text.slice(1).trimStart()
  while (!rest.startsWith("]")) {
    const read = readValue(rest)
    if (!read) return undefined
    values.push(read.value)
    rest = read.rest.trimStart().replace(/^,\s*/, "")
  }
  return { value: `[${values.join(",")}]`, rest: rest.slice(1) }
}

export function jsonOf(members: readonly (readonly [string, string])[]): string {
  return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`
}

function unescaped(text: string): string {
  return text.replace(/\\(u[0-9a-f]{4}|.)/gi, (_, code: string) => {
    if (code.length === 5) return String.fromCharCode(Number.parseInt(code.slice(1), 16))
    return { n: "\n", r: "\r", t: "\t", "0": "\0" }[code] ?? code
  })
}
