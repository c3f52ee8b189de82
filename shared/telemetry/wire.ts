/**
 * Series as bytes, for the way from isolates to an object, for its storage and for its readers. Numbers are varints (LEB128), texts
 * stand once, all in one, and are referred to by their place, and of a histogram only what is not 0 is there:
 *
 *   version  texts: n (length)* ascii  series: n ( from to subset rule method refusal  class
 *     numbers: n (varint)*  buckets: n (gap count)*  exemplar: 0 | 1 trace(16 bytes) durationMs atMs )*
 *
 * A reader takes numbers that it does not know of for nothing, and numbers that are missing for 0: fields may be added at the end.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { RefusalName } from "#shared/model/refusal.ts"
import { BUCKETS } from "./histogram.ts"
import {
  CLASSES,
  type Exemplar,
  FIELDS,
  hasLabelCharsOnly,
  type Labels,
  newSample,
  type Sample,
  type Series,
} from "./series.ts"

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
  for (const text of texts.keys()) head.varint(text.length)
  head.ascii([...texts.keys()].join(""))
  const [before, after] = [head.bytes(), body.bytes()]
  const whole = new Uint8Array(before.length + after.length)
  whole.set(before)
  whole.set(after, before.length)
  return whole
}

/** Where a series' numbers are added; undefined: nowhere. */
export type PlaceOf = (labels: Labels) => (Sample & { readonly buckets: Float64Array }) | undefined

/** The reason, when the bytes are not what `encode` makes. At most `seriesMax` series. */
export function decode(
  bytes: Uint8Array,
  seriesMax: number = LIMITS.shardSeriesMax,
): readonly Series[] | { readonly reason: string } {
  const series: Series[] = []
  const place: PlaceOf = (labels) => {
    const sample = { labels, ...newSample() }
    series.push(sample)
    return sample
  }
  const exemplify = (exemplar: Exemplar) => {
    series.push({ ...series.pop()!, exemplar })
  }
  return decodeInto(bytes, seriesMax, place, exemplify) ?? series
}

/** Adds what the bytes hold to what is there already, without a copy in between. The reason, if they cannot be read to their end. */
export function decodeInto(
  bytes: Uint8Array,
  seriesMax: number,
  placeOf: PlaceOf,
  exemplify?: (exemplar: Exemplar) => void,
): { readonly reason: string } | undefined {
  try {
    const reader = new Reader(bytes)
    const version = reader.varint(Number.MAX_SAFE_INTEGER)
    if (version !== VERSION) return { reason: `it has version ${version}, and ${VERSION} is known here` }
    const texts = readTexts(reader, reader.varint(seriesMax * 6))
    for (let left = reader.varint(seriesMax); left > 0; left--) {
      readNumbers(reader, placeOf(readLabels(reader, texts)) ?? NOWHERE)
      if (reader.varint(1) === 1) {
        const exemplar = readExemplar(reader)
        exemplify?.(exemplar)
      }
    }
    return reader.isAtEnd ? undefined : { reason: "bytes follow the end" }
  } catch (error) {
    if (error instanceof Malformed) return { reason: error.message }
    throw error
  }
}

/** What is read only to get past it. */
const NOWHERE = newSample()

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

/** The texts of thousands of series are read as one, and then cut. */
function readTexts(reader: Reader, count: number): string[] {
  const lengths: number[] = []
  let total = 0
  for (let index = 0; index < count; index++) {
    const length = reader.varint(LIMITS.labelCharsMax)
    lengths.push(length)
    total += length
  }
  const whole = reader.ascii(total)
  let at = 0
  return lengths.map((length) => {
    at += length
    return whole.slice(at - length, at)
  })
}

function readLabels(reader: Reader, texts: readonly string[]): Labels {
  const last = texts.length - 1
  return {
    from: texts[reader.varint(last)]!,
    to: texts[reader.varint(last)]!,
    subset: texts[reader.varint(last)]!,
    rule: texts[reader.varint(last)]!,
    method: texts[reader.varint(last)]!,
    refusal: texts[reader.varint(last)]! as RefusalName | "",
    class: CLASSES[reader.varint(CLASSES.length - 1)]!,
  }
}

function readNumbers(reader: Reader, { numbers, buckets }: ReturnType<typeof newSample>): void {
  const count = reader.varint(NUMBERS_MAX)
  for (let index = 0; index < count; index++) {
    const number = reader.varint(Number.MAX_SAFE_INTEGER)
    if (index < FIELDS.length) numbers[index]! += number
  }
  let bucket = -1
  for (let hit = reader.varint(BUCKETS); hit > 0; hit--) {
    bucket += 1 + reader.varint(BUCKETS)
    if (bucket >= BUCKETS) throw new Malformed("a histogram has more buckets than there are")
    buckets[bucket]! += reader.varint(Number.MAX_SAFE_INTEGER)
  }
}

function readExemplar(reader: Reader): Exemplar {
  const traceId = reader.hex(16)
  const durationMs = reader.varint(Number.MAX_SAFE_INTEGER)
  return { traceId, durationMs, atMs: reader.varint(Number.MAX_SAFE_INTEGER) }
}

class Malformed extends Error {}

const ENCODER = new TextEncoder()
const DECODER = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true })

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

  ascii(text: string): void {
    for (const byte of ENCODER.encode(text)) this.byte(byte)
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
    let value = this.byte()
    if (value < 0x80) {
      if (value > max) throw new Malformed("a number is over its limit")
      return value
    }
    value &= 0x7f
    for (let scale = 0x80; ; scale *= 0x80) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (value > max) throw new Malformed("a number is over its limit")
      if (byte < 0x80) return value
    }
  }

  ascii(length: number): string {
    const slice = this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += length
    if (slice.length < length) throw new Malformed("it ends early")
    const text = DECODER.decode(slice)
    if (!hasLabelCharsOnly(text)) throw new Malformed("a label has a character that no id has")
    return text
  }

  hex(bytes: number): string {
    let text = ""
    for (let index = 0; index < bytes; index++) text += this.byte().toString(16).padStart(2, "0")
    return text
  }
}
