/** Values from a JSON Schema (2020-12, as zod writes it): mostly ones that it takes, so that what lies behind the shapes is reached too. */
import * as fc from "fast-check"

export interface Schema {
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, Schema>>
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Schema | boolean
  readonly propertyNames?: Schema
  readonly items?: Schema | boolean
  readonly minItems?: number
  readonly maxItems?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
}

/** Texts that mean something somewhere: names that are there, words of the mesh, and what has broken parsers before. */
export const WORDS = [
  ...[
    "orders",
    "cart",
    "default",
    "team-a",
    "v1",
    "*",
    "/",
    "/api",
    "shop.example",
    "Service",
    "Route",
    "head",
    "root",
  ],
  ...[
    "",
    " ",
    ".",
    "..",
    "../x",
    "__proto__",
    "constructor",
    "toString",
    "null",
    "undefined",
    "NaN",
    "0",
    "-1",
    "1e309",
  ],
  ...["1s", "250ms", "99999999999h", "https://api.example", "http://169.254.169.254", "(secret)", "(a+)+$", "a\u0000b"],
  ...[
    "\u202e",
    "\ud800",
    "\u{1f9f6}",
    "é",
    "x".repeat(300),
    "#{env.SECRET}",
    "{{x}}",
    "'; DROP TABLE entries; --",
    "<img src=x>",
  ],
]

const DEPTH_MAX = 7

export const text = fc.oneof(
  { arbitrary: fc.constantFrom(...WORDS), weight: 3 },
  fc.string({ unit: "binary", maxLength: 40 }),
)

export const anything: fc.Arbitrary<unknown> = fc.oneof(
  text,
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constant([]),
  fc.constant({}),
  fc.constantFrom(2 ** 31, 2 ** 53, -(2 ** 31), 0.1 + 0.2, 1e21),
  fc.array(text, { maxLength: 3 }),
  fc.dictionary(text, text, { maxKeys: 3 }),
)

/** The schema is resolved lazily: documents contain themselves. */
export function fromSchema(root: Schema, schema: Schema = root, depth = 0): fc.Arbitrary<unknown> {
  if (depth > DEPTH_MAX) return fc.constantFrom(null, {}, [], "", 0)
  const deeper = (one: Schema) => fromSchema(root, one, depth + 1)
  if (schema.$ref !== undefined) return deeper(resolve(root, schema.$ref))
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return fc.oneof(...choices.map(deeper))
  if (schema.allOf) return fc.tuple(...schema.allOf.map(deeper)).map((parts) => Object.assign({}, ...parts))
  const types = typeof schema.type === "string" ? [schema.type] : (schema.type ?? [])
  return types.length === 0 ? anything : fc.oneof(...types.map((type) => ofType(type, root, schema, depth)))
}

function ofType(type: string, root: Schema, schema: Schema, depth: number): fc.Arbitrary<unknown> {
  switch (type) {
    case "string":
      return ofString(schema)
    case "integer":
    case "number":
      return ofNumber(schema, type)
    case "boolean":
      return fc.boolean()
    case "null":
      return fc.constant(null)
    case "array": {
      const item = typeof schema.items === "object" ? fromSchema(root, schema.items, depth + 1) : anything
      const minLength = Math.min(schema.minItems ?? 0, 3)
      return fc.array(item, { minLength, maxLength: Math.max(minLength, Math.min(schema.maxItems ?? 3, 3)) })
    }
    case "object":
      return ofObject(root, schema, depth)
    default:
      return anything
  }
}

function ofString({ pattern, minLength = 0, maxLength = 60 }: Schema): fc.Arbitrary<string> {
  const plain = fc.oneof(
    text,
    fc.string({ minLength: Math.min(minLength, 60), maxLength: Math.min(Math.max(maxLength, minLength), 60) }),
  )
  if (pattern === undefined) return plain
  try {
    return fc.oneof({ arbitrary: fc.stringMatching(new RegExp(pattern)), weight: 4 }, plain)
  } catch {
    return plain
  }
}

function ofNumber({ minimum, maximum, exclusiveMinimum }: Schema, type: string): fc.Arbitrary<number> {
  const min = Math.ceil(minimum ?? exclusiveMinimum ?? -1_000)
  const max = Math.floor(Math.min(maximum ?? 1_000_000, Number.MAX_SAFE_INTEGER))
  const inside = fc.integer({ min: Math.min(min, max), max })
  const edges = fc.constantFrom(min, max, min - 1, max + 1, 0)
  return type === "integer" ? fc.oneof({ arbitrary: inside, weight: 4 }, edges) : fc.oneof(inside, fc.double(), edges)
}

function ofObject(root: Schema, schema: Schema, depth: number): fc.Arbitrary<unknown> {
  const { properties = {}, required = [], additionalProperties } = schema
  const deeper = (one: Schema) => fromSchema(root, one, depth + 1)
  const known = Object.entries(properties)
  // Few of many: an object with everything in it is refused for the first thing that excludes another.
  const some = fc.subarray(
    known.map(([name]) => name),
    { maxLength: Math.min(known.length, 4) },
  )
  const named = some.chain((chosen) => {
    const names = new Set([...required, ...chosen])
    return fc.record(
      Object.fromEntries(known.filter(([name]) => names.has(name)).map(([name, one]) => [name, deeper(one)])),
    )
  })
  if (typeof additionalProperties !== "object") return named
  const key = schema.propertyNames
    ? ofString(schema.propertyNames)
    : fc.constantFrom("orders", "cart", "v1", "v2", "x-canary")
  const extra = fc.dictionary(
    fc.oneof({ arbitrary: fc.constantFrom("orders", "cart", "v1"), weight: 2 }, key),
    deeper(additionalProperties),
    { maxKeys: 3 },
  )
  return fc.tuple(named, extra).map(([one, other]) => ({ ...other, ...(one as object) }))
}

function resolve(root: Schema, reference: string): Schema {
  const steps = reference.replace(/^#\/?/, "").split("/").filter(Boolean)
  return steps.reduce<unknown>((value, step) => (value as Record<string, unknown>)[step], root) as Schema
}
