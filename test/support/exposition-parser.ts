/**
 * Reads what /metrics says as strictly as the two formats allow: OpenMetrics 1.0 and Prometheus' text format 0.0.4, and of the latter
 * only what a careful writer makes. Whatever is not right is thrown, with its line.
 */
export interface ParsedSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  readonly exemplar?: { readonly labels: Readonly<Record<string, string>>; readonly value: number; readonly at: number }
}

export interface ParsedFamily {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly unit: string | undefined
  readonly samples: readonly ParsedSample[]
}

interface Family {
  readonly name: string
  help?: string
  type?: string
  unit?: string
  readonly samples: ParsedSample[]
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/
const FLOAT = /^[+-]?(\d+(\.\d*)?([eE][+-]?\d+)?|Inf|NaN)$/
const EXEMPLAR_CHARS_MAX = 128

export function parseExposition(text: string, format: "openmetrics" | "text"): ReadonlyMap<string, ParsedFamily> {
  if (!text.endsWith("\n")) throw new Error("the last line does not end")
  const lines = text.slice(0, -1).split("\n")
  if (format === "openmetrics" && lines.pop() !== "# EOF") throw new Error("there is no # EOF at the end")
  const families = new Map<string, Family>()
  let current: Family | undefined
  for (const [index, line] of lines.entries()) {
    try {
      current = readLine(line, current, families, format)
    } catch (error) {
      throw new Error(`line ${index + 1}: ${(error as Error).message}: ${line}`)
    }
  }
  for (const family of families.values()) checkFamily(family, format)
  return families as ReadonlyMap<string, ParsedFamily>
}

function readLine(
  line: string,
  current: Family | undefined,
  families: Map<string, Family>,
  format: "openmetrics" | "text",
): Family {
  if (!line.startsWith("#")) {
    const sample = readSample(line, format)
    if (!current) throw new Error("a sample stands before any family")
    if (!suffixes(current, format).some((suffix) => sample.name === current.name + suffix)) {
      throw new Error(`it does not belong to ${current.name}`)
    }
    current.samples.push(sample)
    return current
  }
  const [, keyword, name = "", rest] = /^# (HELP|TYPE|UNIT) (\S+)(?: (.*))?$/.exec(line) ?? []
  if (!keyword || !NAME.test(name)) throw new Error("it is no line of metadata")
  let family = current
  if (family?.name !== name) {
    if (families.has(name)) throw new Error("the family stands in two places")
    family = { name, samples: [] }
    families.set(name, family)
  }
  if (family.samples.length > 0) throw new Error("metadata stands behind samples")
  const key = keyword.toLowerCase() as "help" | "type" | "unit"
  if (family[key] !== undefined) throw new Error("it stands there twice")
  if (key === "unit" && format === "text") throw new Error("the text format has no units")
  if (key === "help" && /\\(?![\\n"])/.test(rest ?? "")) throw new Error("a backslash is not escaped")
  if (key === "type" && !["counter", "gauge", "histogram"].includes(rest ?? "")) throw new Error("the type is none")
  if (key === "unit" && !name.endsWith(`_${rest}`)) throw new Error("the name does not end with the unit")
  family[key] = rest ?? ""
  return family
}

function suffixes({ type, name }: Family, format: "openmetrics" | "text"): readonly string[] {
  const created = format === "openmetrics" ? ["_created"] : []
  if (type === "histogram") return ["_bucket", "_sum", "_count", ...created]
  if (type === "gauge") return [""]
  if (format === "openmetrics") return ["_total", ...created]
  if (!name.endsWith("_total")) throw new Error("a counter's name ends with _total")
  return [""]
}

function readSample(line: string, format: "openmetrics" | "text"): ParsedSample {
  const [, name = "", after = ""] = /^([^{\s]+)(.*)$/.exec(line) ?? []
  if (!NAME.test(name)) throw new Error("the name is none")
  const { labels, rest } = readLabels(after)
  const [, value = "", tail = ""] = /^ (\S+)(.*)$/.exec(rest) ?? []
  if (tail === "") return { name, labels, value: number(value) }
  if (format === "text" || !/_(bucket|total)$/.test(name)) throw new Error("nothing may follow the value")
  if (!tail.startsWith(" # ")) throw new Error("an exemplar begins with #")
  const exemplar = readLabels(tail.slice(3))
  const chars = Object.entries(exemplar.labels).reduce((sum, [key, text]) => sum + key.length + text.length, 0)
  if (chars > EXEMPLAR_CHARS_MAX) throw new Error("the exemplar's labels are too long")
  const [, told = "", at = ""] = /^ (\S+) (\S+)$/.exec(exemplar.rest) ?? []
  return {
    name,
    labels,
    value: number(value),
    exemplar: { labels: exemplar.labels, value: number(told), at: number(at) },
  }
}

/** `{name="value",…}`, and what follows. */
function readLabels(text: string): { labels: Record<string, string>; rest: string } {
  const labels: Record<string, string> = {}
  if (!text.startsWith("{")) return { labels, rest: text }
  let rest = text.slice(1)
  while (!rest.startsWith("}")) {
    const [whole = "", name = "", value = ""] = /^([^="{},\s]+)="((?:[^"\\\n]|\\["\\n])*)"/.exec(rest) ?? []
    if (whole === "") throw new Error("a label is malformed")
    if (!LABEL.test(name) || name.startsWith("__")) throw new Error(`${name} is no name of a label`)
    if (Object.hasOwn(labels, name)) throw new Error(`the label ${name} stands there twice`)
    labels[name] = value.replace(/\\(.)/g, (_, char) => (char === "n" ? "\n" : char))
    rest = rest.slice(whole.length)
    if (rest.startsWith(",")) rest = rest.slice(1)
    else if (!rest.startsWith("}")) throw new Error("labels are separated by commas")
  }
  return { labels, rest: rest.slice(1) }
}

function number(text: string): number {
  if (!FLOAT.test(text)) throw new Error(`${text} is no number`)
  return Number(text.replace("Inf", "Infinity"))
}

function checkFamily(family: Family, format: "openmetrics" | "text"): void {
  const { name, help, type, samples } = family
  if (help === undefined || type === undefined) throw new Error(`${name} has no HELP or no TYPE`)
  const seen = new Set<string>()
  for (const { name: sample, labels, value } of samples) {
    const key = JSON.stringify([sample, Object.entries(labels).sort()])
    if (seen.has(key)) throw new Error(`${key} stands there twice`)
    seen.add(key)
    if (type !== "gauge" && !(value >= 0)) throw new Error(`${key} is ${value}`)
  }
  // The samples of one series stand together.
  const order = samples.map(({ labels: { le: _, ...labels } }) => JSON.stringify(Object.entries(labels).sort()))
  const groups = order.filter((key, index) => key !== order[index - 1])
  if (new Set(groups).size !== groups.length) throw new Error(`samples of ${name} are interleaved`)
  if (type !== "histogram") return
  for (const group of Map.groupBy(samples, (_, index) => order[index]).values()) checkHistogram(name, group, format)
}

function checkHistogram(name: string, samples: readonly ParsedSample[], format: "openmetrics" | "text"): void {
  const one = (suffix: string) => samples.filter((sample) => sample.name === name + suffix)
  const buckets = one("_bucket")
  const bounds = buckets.map(({ labels }) => number((labels.le ?? "").replace("+Inf", "Inf")))
  const [count, sum] = [one("_count"), one("_sum")]
  if (count.length !== 1 || sum.length !== 1) throw new Error(`${name} has not one _count and one _sum`)
  if (bounds.at(-1) !== Number.POSITIVE_INFINITY) throw new Error(`${name} has no last bucket`)
  if (buckets.at(-1)!.value !== count[0]!.value) throw new Error(`${name}: the last bucket is not the count`)
  for (const [index, { value, exemplar, labels }] of buckets.entries()) {
    const below = index === 0 ? Number.NEGATIVE_INFINITY : bounds[index - 1]!
    if (!(bounds[index]! > below)) throw new Error(`${name}: bounds do not grow`)
    if (index > 0 && value < buckets[index - 1]!.value) throw new Error(`${name}: counts do not grow`)
    if (format === "openmetrics" && labels.le !== "+Inf" && !/[.e]/.test(labels.le!)) throw new Error("le is no float")
    if (exemplar && !(exemplar.value > below && exemplar.value <= bounds[index]!)) {
      throw new Error(`${name}: an exemplar stands in a bucket that is not its own`)
    }
  }
}
