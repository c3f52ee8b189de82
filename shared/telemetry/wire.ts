/**
 * Series as bytes, for the way from isolates to an object, for its storage and for its readers. Numbers are varints (LEB128), texts
 * stand once and are referred to by their place, and of a histogram only what is not 0 is there:
 *
 *   version  texts: n (length utf-8)*  series: n ( from to subset rule method refusal  class
 *     numbers: n (varint)*  buckets: n (gap count)*  exemplar: 0 | 1 trace(16 bytes) durationMs atMs )*
 *
 * A reader takes numbers that it does not know of for nothing, and numbers that are missing for 0: fields may be added at the end.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { RefusalName } from "#shared/model/refusal.ts"
import { BUCKETS } from "./histogram.ts"
import { CLASSES, type Exemplar, FIELDS, isLabelValue, type Labels, type Series } from "./series.ts"

const VERSION = 1
/** Numbers that a newer writer may send. */
const NUMBERS_MAX = 64

export function encode(series: readonly Series[]): Uint8Array {
  const texts = new Map<string, number>()
  const placeOf = (text: string) => {
    const known = texts.get(text)
    if (known !== undefined) return known
    texts.set(text, texts.size)
    return texts.size - 1
  }
  const body = new Writer()
  body.varint(series.length)
  for (const { labels, numbers, buckets, exemplar } of series) {
    const { from, to, subset, rule, method, refusal } = labels
    for (const text of [from, to, subset, rule, method, refusal]) body.varint(placeOf(text))
    body.varint(CLASSES.indexOf(labels.class))
    body.varint(numbers.length)
    for (const number of numbers) body.varint(number)
    writeBuckets(body, buckets)
    writeExemplar(body, exemplar)
  }
  const head = new Writer()
  head.varint(VERSION)
  head.varint(texts.size)
  for (const text of texts.keys()) head.text(text)
  const [before, after] = [head.bytes(), body.bytes()]
  const whole = new Uint8Array(before.length + after.length)
  whole.set(before)
  whole.set(after, before.length)
  return whole
}

/** The reason, when the bytes are not what `encode` makes. At most `seriesMax` series. */
export function decode(
  bytes: Uint8Array,
  seriesMax: number = LIMITS.shardSeriesMax,
): readonly Series[] | { readonly reason: string } {
  try {
    const reader = new Reader(bytes)
    const version = reader.varint(Number.MAX_SAFE_INTEGER)
    if (version !== VERSION) return { reason: `it has version ${version}, and ${VERSION} is known here` }
    const texts = Array.from({ length: reader.varint(seriesMax * 6) }, () => reader.label())
    const series = Array.from({ length: reader.varint(seriesMax) }, () => readSeries(reader, texts))
    return reader.isAtEnd ? series : { reason: "bytes follow the end" }
  } catch (error) {
    if (error instanceof Malformed) return { reason: error.message }
    throw error
  }
}

function writeBuckets(writer: Writer, buckets: Series["buckets"]): void {
  let hit = 0
  for (let bucket = 0; bucket < BUCKETS; bucket++) if (buckets[bucket]! > 0) hit += 1
  writer.varint(hit)
  let last = -1
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    if (!(buckets[bucket]! > 0)) continue
    writer.varint(bucket - last - 1)
    writer.varint(buckets[bucket]!)
    last = bucket
  }
}

function writeExemplar(writer: Writer, exemplar: Exemplar | undefined): void {
  writer.varint(exemplar ? 1 : 0)
  if (!exemplar) return
  for (let digit = 0; digit < 32; digit += 2) writer.byte(Number.parseInt(exemplar.traceId.slice(digit, digit + 2), 16))
  writer.varint(exemplar.durationMs)
  writer.varint(exemplar.atMs)
}

function readSeries(reader: Reader, texts: readonly string[]): Series {
  const text = () => texts[reader.varint(texts.length - 1)]!
  const [from, to, subset, rule, method, refusal] = [text(), text(), text(), text(), text(), text()]
  const kind = CLASSES[reader.varint(CLASSES.length - 1)]!
  const labels: Labels = { from, to, subset, rule, method, class: kind, refusal: refusal as RefusalName | "" }
  const count = reader.varint(NUMBERS_MAX)
  const numbers = new Float64Array(Math.max(count, FIELDS.length))
  for (let index = 0; index < count; index++) numbers[index] = reader.varint(Number.MAX_SAFE_INTEGER)
  const buckets = new Float64Array(BUCKETS)
  let bucket = -1
  for (let hit = reader.varint(BUCKETS); hit > 0; hit--) {
    bucket += 1 + reader.varint(BUCKETS)
    if (bucket >= BUCKETS) throw new Malformed("a histogram has more buckets than there are")
    buckets[bucket] = reader.varint(Number.MAX_SAFE_INTEGER)
  }
  if (reader.varint(1) === 0) return { labels, numbers, buckets }
  const traceId = reader.hex(16)
  const durationMs = reader.varint(Number.MAX_SAFE_INTEGER)
  return { labels, numbers, buckets, exemplar: { traceId, durationMs, atMs: reader.varint(Number.MAX_SAFE_INTEGER) } }
}

class Malformed extends Error {}

const ENCODER = new TextEncoder()
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

class Writer {
  #bytes = new Uint8Array(1024)
  #used = 0

  byte(value: number): void {
    if (this.#used === this.#bytes.length) {
      const wider = new Uint8Array(this.#bytes.length * 2)
      wider.set(this.#bytes)
      this.#bytes = wider
    }
    this.#bytes[this.#used++] = value
  }

  /** Whole numbers up to 2^53; what is none of them is written as the nearest one. */
  varint(value: number): void {
    let rest = value > 0 ? Math.min(Math.round(value), Number.MAX_SAFE_INTEGER) : 0
    while (rest >= 0x80) {
      this.byte((rest % 0x80) | 0x80)
      rest = Math.floor(rest / 0x80)
    }
    this.byte(rest)
  }

  text(text: string): void {
    const bytes = ENCODER.encode(text)
    this.varint(bytes.length)
    for (const byte of bytes) this.byte(byte)
  }

  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#used)
  }
}

class Reader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw new Malformed("it ends early")
    return byte
  }

  varint(max: number): number {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (value > max) throw new Malformed("a number is over its limit")
      if (byte < 0x80) return value
      scale *= 0x80
    }
  }

  label(): string {
    const length = this.varint(LIMITS.labelCharsMax)
    const slice = this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += length
    if (slice.length < length) throw new Malformed("it ends early")
    const text = decodeText(slice)
    if (!isLabelValue(text)) throw new Malformed("a label has a character that no id has")
    return text
  }

  hex(bytes: number): string {
    let text = ""
    for (let index = 0; index < bytes; index++) text += this.byte().toString(16).padStart(2, "0")
    return text
  }
}

function decodeText(bytes: Uint8Array): string {
  try {
    return DECODER.decode(bytes)
  } catch {
    throw new Malformed("a label is not UTF-8")
  }
}
