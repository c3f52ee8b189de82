/**
 * Adds an entry to the list of service bindings in the text of a wrangler config and leaves every other character as it is:
 * wrangler's own patching refuses TOML with comments and reformats JSON. Whether the result means what it should is not
 * judged here; whoever edits reads the result back with wrangler (wrangler-config.ts).
 */

export interface ServiceEntry {
  readonly binding: string
  readonly service: string
  readonly entrypoint?: string
}

/** The new text, or undefined when there is no place that this understands. */
export function addEntry(text: string, format: "toml" | "json", entry: ServiceEntry): string | undefined {
  return format === "toml" ? addToToml(text, entry) : addToJson(text, entry)
}

/** As a person would write it into a config by hand. */
export function entryText(format: "toml" | "json", entry: object): string {
  const parts = Object.entries(entry).map(([key, value]) => [key, inline(format, value)] as const)
  if (format === "toml") return `{ ${parts.map(([key, value]) => `${key} = ${value}`).join(", ")} }`
  return `{ ${parts.map(([key, value]) => `"${key}": ${value}`).join(", ")} }`
}

function inline(format: "toml" | "json", value: unknown): string {
  return typeof value === "object" && value !== null ? entryText(format, value) : JSON.stringify(value)
}

function addToToml(text: string, entry: ServiceEntry): string {
  const newline = text.includes("\r\n") ? "\r\n" : "\n"
  const inlineList = /^services[ \t]*=[ \t]*\[/m.exec(text)
  const firstTable = /^[ \t]*\[/m.exec(text)
  if (inlineList && (!firstTable || inlineList.index < firstTable.index))
    return addToList(text, inlineList.index + inlineList[0].length, "#", entryText("toml", entry))
  const block = ["[[services]]", ...Object.entries(entry).map(([key, value]) => `${key} = ${JSON.stringify(value)}`)]
  const lines = text.split(/\r?\n/)
  const at = endOfServices(lines)
  const before = lines.slice(0, at)
  const after = lines.slice(at)
  const gap = before.length > 0 && before.at(-1)!.trim() !== "" ? [""] : []
  const rest = after.length > 0 && after.some((line) => line.trim() !== "") ? ["", ...trimStart(after)] : [""]
  return [...before, ...gap, ...block, ...rest].join(newline)
}

/** The line behind the last `[[services]]` and what belongs to it; without any, the end of the text. */
function endOfServices(lines: readonly string[]): number {
  const isHeader = (line: string) => /^\s*\[/.test(line)
  const isServices = (line: string) => /^\s*\[\[\s*services\s*\]\]|^\s*\[\s*services\s*\./.test(line)
  const last = lines.findLastIndex(isServices)
  const next = last < 0 ? -1 : lines.findIndex((line, index) => index > last && isHeader(line))
  let end = next < 0 ? lines.length : next
  // Comments right above the next table belong to it.
  if (next >= 0) while (lines[end - 1]!.trim().startsWith("#")) end--
  while (end > 0 && lines[end - 1]!.trim() === "") end--
  return end
}

function trimStart(lines: readonly string[]): readonly string[] {
  return lines.slice(lines.findIndex((line) => line.trim() !== ""))
}

function addToJson(text: string, entry: ServiceEntry): string | undefined {
  const root = nextSignificant(text, 0, "//")
  if (text[root] !== "{") return undefined
  const list = valueOfKey(text, root + 1, "services")
  if (list !== undefined)
    return text[list] === "[" ? addToList(text, list + 1, "//", entryText("json", entry)) : undefined
  const indent = /\n([ \t]+)"/.exec(text)?.[1] ?? "  "
  const member = `"services": [\n${indent}${indent}${entryText("json", entry)}\n${indent}]`
  return addToList(text, root + 1, "//", member.replaceAll("\n", text.includes("\r\n") ? "\r\n" : "\n"))
}

/** The offset of the value of a key of the object whose inside begins at `from`. */
function valueOfKey(text: string, from: number, key: string): number | undefined {
  let depth = 0
  for (let at = nextSignificant(text, from, "//"); at < text.length; at = nextSignificant(text, at, "//")) {
    const char = text[at]!
    if (char === "}" && depth === 0) return undefined
    if (char === '"') {
      const end = endOfString(text, at)
      const colon = nextSignificant(text, end, "//")
      if (depth === 0 && text[colon] === ":" && text.slice(at + 1, end - 1) === key)
        return nextSignificant(text, colon + 1, "//")
      at = end
      continue
    }
    if (char === "{" || char === "[") depth++
    if (char === "}" || char === "]") depth--
    at++
  }
  return undefined
}

/** Inserts behind the last item of the list or object whose inside begins at `from`, in the style of what is there. */
function addToList(text: string, from: number, comment: "#" | "//", item: string): string {
  let depth = 0
  let last = from
  let at = nextSignificant(text, from, comment)
  for (; at < text.length; at = nextSignificant(text, at, comment)) {
    const char = text[at]!
    if (depth === 0 && (char === "]" || char === "}")) break
    const end = char === '"' || (char === "'" && comment === "#") ? endOfString(text, at) : at + 1
    if (char === "{" || char === "[") depth++
    if (char === "}" || char === "]") depth--
    last = end
    at = end
  }
  const newline = text.includes("\r\n") ? "\r\n" : "\n"
  const first = nextSignificant(text, from, comment)
  const empty = last === from
  const trailing = text[last - 1] === ","
  const spread = text.slice(from, at).includes("\n")
  if (!spread) {
    const separator = empty ? " " : trailing ? " " : ", "
    return `${text.slice(0, last)}${separator}${item}${empty ? " " : ""}${text.slice(last)}`
  }
  const indent = empty ? "  " : (/[ \t]*$/.exec(text.slice(0, first))?.[0] ?? "  ")
  // The comma goes right behind the last item, the new item below its comment.
  const lineEnd = text.indexOf("\n", last)
  const tail = text.slice(last, lineEnd < 0 || lineEnd > at ? last : lineEnd).replace(/\r$/, "")
  const rest = text.slice(last + tail.length)
  return `${text.slice(0, last)}${empty || trailing ? "" : ","}${tail}${newline}${indent}${item}${trailing ? "," : ""}${rest}`
}

/** The next character that is neither space nor comment. */
function nextSignificant(text: string, from: number, comment: "#" | "//"): number {
  let at = from
  while (at < text.length) {
    if (/\s/.test(text[at]!)) at++
    else if (text.startsWith(comment, at)) at = endOf(text, "\n", at)
    else if (comment === "//" && text.startsWith("/*", at)) at = endOf(text, "*/", at + 2)
    else return at
  }
  return at
}

function endOf(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from)
  return found < 0 ? text.length : found + mark.length
}

function endOfString(text: string, start: number): number {
  const quote = text[start]!
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\" && quote === '"') at++
    else if (text[at] === quote) return at + 1
  }
  return text.length
}
