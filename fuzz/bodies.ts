/** Bodies: as the description has them, nearly so, and as bad clients send them. */
import * as fc from "fast-check"
import { anything, fromSchema, type Schema } from "./from-schema.ts"
import type { ApiDocument, FuzzOptions, Operation } from "./requests.ts"

export function bodyOf({ requestBody }: Operation, { api, documents }: FuzzOptions): fc.Arbitrary<string | undefined> {
  const [content] = Object.values(requestBody?.content ?? {})
  const schema = content && withDocuments(content.schema, api)
  const right = schema
    ? fromSchema(api as unknown as Schema, schema).chain((value) => filled(value, documents))
    : fc.constant(undefined as unknown)
  const example = content?.example === undefined ? right : fc.constant(content.example)
  const value = fc.oneof({ arbitrary: right, weight: 6 }, { arbitrary: example, weight: 1 })
  const nearly = fc.tuple(value, fc.nat(), anything).map(([one, where, other]) => mutated(one, where, other))
  const json = fc.oneof({ arbitrary: value, weight: 5 }, { arbitrary: nearly, weight: 3 }, anything).map(jsonOf)
  const spoilt = fc
    .tuple(json, fc.constantFrom(...SPOILERS))
    .map(([one, spoil]) => (one === undefined ? one : spoil(one)))
  return fc.oneof({ arbitrary: json, weight: 8 }, spoilt)
}

/** The request's own shape stays; where the description says nothing about a document, documents take its place. */
function withDocuments(schema: Schema, api: ApiDocument): Schema {
  if (schema.$ref === undefined) return schema
  return api.components.schemas[schema.$ref.split("/").at(-1)!] ?? schema
}

function filled(value: unknown, documents: Schema): fc.Arbitrary<unknown> {
  const list = (value as { documents?: { content?: unknown }[] } | null)?.documents
  if (!Array.isArray(list)) return fc.constant(value)
  return fc
    .array(fc.oneof({ arbitrary: fromSchema(documents), weight: 5 }, anything), {
      minLength: list.length,
      maxLength: list.length,
    })
    .map((contents) => ({
      ...(value as object),
      documents: list.map((one, index) => ({ ...one, content: contents[index] })),
    }))
}

/** One member of a value is another one, gone, or twice as deep. */
function mutated(value: unknown, where: number, other: unknown): unknown {
  const places: { holder: Record<string, unknown>; key: string }[] = []
  const copy = structuredClone(value)
  const visit = (one: unknown): void => {
    if (typeof one !== "object" || one === null) return
    for (const key of Object.keys(one)) {
      places.push({ holder: one as Record<string, unknown>, key })
      visit((one as Record<string, unknown>)[key])
    }
  }
  visit(copy)
  const place = places[where % Math.max(places.length, 1)]
  if (!place) return other
  if (where % 3 === 0) delete place.holder[place.key]
  else if (where % 3 === 1) place.holder[place.key] = other
  else place.holder[`${place.key}x`] = other
  return copy
}

function jsonOf(value: unknown): string | undefined {
  const text = JSON.stringify(value, (_key, member) => (typeof member === "bigint" ? Number(member) : member))
  return text === undefined ? undefined : bytesAsText(text)
}

/** UTF-8, one byte a character. */
function bytesAsText(text: string): string {
  let bytes = ""
  for (const byte of new TextEncoder().encode(text)) bytes += String.fromCharCode(byte)
  return bytes
}

/** What becomes of a body on its way from a bad client. */
const SPOILERS: readonly ((text: string) => string)[] = [
  (text) => text.slice(0, -1),
  (text) => `${text}x`,
  (text) => `\u00ef\u00bb\u00bf${text}`,
  (text) => text.replace("{", '{"__proto__":{"x":1},'),
  (text) => text.replace(/"(\w+)":/, '"$1":1,"$1":'),
  (text) => text.replace(/\d+/, "1e309"),
  (text) => text.replace(/"/g, "'"),
  (text) => text.replace(/[a-z]/, "\u00ff"),
  (text) => `${"[".repeat(200)}${text}${"]".repeat(200)}`,
  (text) => `${text}${" ".repeat(20_000)}`,
  (text) => [...text].map((char) => `${char}\u0000`).join(""),
  () => "",
  () => "a: &a [x]\nb: *a",
  () => "a=1&b=2",
]
