/** Values as Cap'n Proto's text format writes them: what a `workerd` config is made of. */

export type Value = string | boolean | Embed | readonly Value[] | Struct
/** Fields without a value are left out. */
export type Struct = { readonly [field: string]: Value | undefined }

/** The contents of a file beside the config. */
export class Embed {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }
}

const WIDTH = 120

/** On one line if it fits, else an entry a line. */
export function literal(value: Value, indent = ""): string {
  if (typeof value === "string") return quoted(value)
  if (typeof value === "boolean") return String(value)
  if (value instanceof Embed) return `embed ${quoted(value.path)}`
  const deeper = `${indent}  `
  const [open, close, entries] = isList(value)
    ? ["[", "]", value.map((entry) => literal(entry, deeper))]
    : ["(", ")", fields(value, deeper)]
  const line = `${open}${entries.join(", ")}${close}`
  if (indent.length + line.length <= WIDTH && !line.includes("\n")) return line
  return `${open}\n${entries.map((entry) => `${deeper}${entry},\n`).join("")}${indent}${close}`
}

function fields(struct: Struct, indent: string): string[] {
  return Object.entries(struct).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name} = ${literal(value, indent)}`],
  )
}

/** The parser knows no `\u`, and takes letters beyond ASCII as UTF-8. */
function quoted(text: string): string {
  return `"${Array.from(text, escaped).join("")}"`
}

function escaped(character: string): string {
  if (character === '"' || character === "\\") return `\\${character}`
  if (character === "\n") return "\\n"
  const code = character.charCodeAt(0)
  return code < 0x20 || code === 0x7f ? `\\x${code.toString(16).padStart(2, "0")}` : character
}

function isList(value: readonly Value[] | Struct): value is readonly Value[] {
  return Array.isArray(value)
}
