/**
 * Path templates: `/users/{id}/orders/{rest=**}`. `{name}` and `*` take one segment that is not empty; `{name=**}` and
 * `**` take all the rest, empty or not, and stand last: `/files/**` takes `/files/` and `/files/a/b`, not `/files`.
 */

export type TemplateSegment =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "one"; readonly name: string | undefined }
  | { readonly kind: "rest"; readonly name: string | undefined }

export type Template = readonly TemplateSegment[]

/** Begins with a letter, so that no capture is named `__proto__`. */
const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/

/** Reads a template as people write it; the second form says what is wrong with it. */
export function admitTemplate(text: string): { readonly template: Template } | { readonly problem: string } {
  if (!text.startsWith("/")) return { problem: `${JSON.stringify(text)} must begin with "/"` }
  const template: TemplateSegment[] = []
  const names = new Set<string>()
  for (const part of text.slice(1).split("/")) {
    const segment = readSegment(part)
    if (typeof segment === "string") return { problem: segment }
    if (template.at(-1)?.kind === "rest") return { problem: `nothing may follow the "**" in ${JSON.stringify(text)}` }
    if (segment.kind !== "literal" && segment.name !== undefined) {
      if (names.has(segment.name)) return { problem: `the name ${JSON.stringify(segment.name)} stands twice` }
      names.add(segment.name)
    }
    template.push(segment)
  }
  return { template }
}

/** The captures of a path that the template takes; undefined for any other path. */
export function capture(template: Template, path: string): Readonly<Record<string, string>> | undefined {
  const captures: Record<string, string> = {}
  let start = 1
  for (const segment of template) {
    if (start > path.length) return undefined
    if (segment.kind === "rest") {
      if (segment.name !== undefined) captures[segment.name] = path.slice(start)
      return captures
    }
    const end = endOfSegment(path, start)
    const text = path.slice(start, end)
    if (segment.kind === "literal" ? segment.text !== text : text === "") return undefined
    if (segment.kind === "one" && segment.name !== undefined) captures[segment.name] = text
    start = end + 1
  }
  return start > path.length ? captures : undefined
}

/**
 * Writes a path: every `{name}` is replaced by its capture, which is part of a canonical path and so already encoded.
 * A name without capture becomes empty.
 */
export function fill(text: string, captures: Readonly<Record<string, string>>): string {
  return text.replace(/\{([^{}=]*)(?:=[^{}]*)?\}/g, (_, name: string) =>
    Object.hasOwn(captures, name) ? (captures[name] ?? "") : "",
  )
}

/** Where the segment that begins at `start` ends: at the next "/" or the end of the path. */
export function endOfSegment(path: string, start: number): number {
  const slash = path.indexOf("/", start)
  return slash < 0 ? path.length : slash
}

function readSegment(part: string): TemplateSegment | string {
  if (part === "*") return { kind: "one", name: undefined }
  if (part === "**") return { kind: "rest", name: undefined }
  if (!part.includes("{") && !part.includes("}") && !part.includes("*")) return { kind: "literal", text: part }
  const inner = part.startsWith("{") && part.endsWith("}") ? part.slice(1, -1) : undefined
  const rest = inner?.endsWith("=**") ?? false
  const name = rest ? inner?.slice(0, -3) : inner?.endsWith("=*") ? inner.slice(0, -2) : inner
  if (name === undefined || !NAME.test(name)) {
    return `${JSON.stringify(part)} is none of: a literal, "{name}", "*", "{name=**}", "**"`
  }
  return rest ? { kind: "rest", name } : { kind: "one", name }
}
