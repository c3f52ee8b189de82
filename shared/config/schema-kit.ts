/**
 * What the schemas are built from. Each piece ties its zod schema to a hand-written type: an interface's keys must all
 * be there, no others, and be optional where the interface says so. Checks complain in the words of `complaint.ts`;
 * they travel through zod as the `params` of a custom issue and are read back in `issues.ts`.
 */
import * as z from "zod"
import { type Check, type Complaint, complain, quote } from "./complaint.ts"

type Field<T> = undefined extends T ? z.ZodExactOptional<z.ZodType<Exclude<T, undefined>>> : z.ZodType<T>
type Shape<T> = {
  [K in keyof T]-?: Record<never, never> extends Pick<T, K>
    ? z.ZodExactOptional<z.ZodType<Exclude<T[K], undefined>>>
    : Field<T[K]>
}

type KeyOf<T> = T extends unknown ? keyof T : never
type ValueOf<T, K> = T extends unknown ? (K extends keyof T ? Exclude<T[K], undefined> : never) : never
type Choice<T> = { [K in KeyOf<T>]: z.ZodType<ValueOf<T, K>> }

/** Begins the message of an issue that brings its own hint: zod has no other field for it. */
export const HINT = "hint: "

/** Runs although other issues were found before: all problems are reported at once. */
const always = {
  when: ({ value }: { value: unknown }) => typeof value === "object" && value !== null && !Array.isArray(value),
}

/** A text that `check` has nothing to complain about. */
export function text(check?: Check, json: Record<string, unknown> = {}): z.ZodType<string> {
  const hint = Array.isArray(json.examples) ? `${HINT}write it like ${quote(String(json.examples[0]))}` : undefined
  const base = z.string(hint === undefined ? undefined : { error: hint }).meta(json)
  return check ? base.superRefine((value, context) => raise(context, check(value))) : base
}

/** An optional field with its description. */
export function optional<T>(schema: z.ZodType<T>, description?: string): z.ZodExactOptional<z.ZodType<T>> {
  const field = z.exactOptional(schema)
  return description === undefined ? field : field.meta({ description })
}

/** An object with exactly these keys. `check` sees the whole of it. */
export function object<T>(id: string, shape: Shape<T>, check?: (value: T) => Complaint | undefined): z.ZodType<T> {
  const strict = z.strictObject(shape as Record<string, z.ZodType>, { error: knownKeys(Object.keys(shape)) })
  const checked = check ? strict.superRefine((value, context) => raise(context, check(value as T)), always) : strict
  return checked.meta({ id }) as unknown as z.ZodType<T>
}

/** An object with exactly one of these keys: a union, written so that it can be judged by the key that is there. */
export function oneOf<T>(id: string, shape: Choice<T>): z.ZodType<T> {
  const keys = Object.keys(shape)
  const optionals = Object.fromEntries(
    Object.entries(shape).map(([key, schema]) => [key, z.exactOptional(schema as z.ZodType)]),
  )
  const strict = z.strictObject(optionals, { error: knownKeys(keys) })
  const checked = strict.superRefine((value, context) => raise(context, exactlyOne(value, keys)), always)
  return checked.meta({ id, minProperties: 1, maxProperties: 1 }) as unknown as z.ZodType<T>
}

/** An object that maps names to things. Names that are equal after `fold` are the same name. */
export function named<T>(
  check: Check,
  value: z.ZodType<T>,
  options: { readonly max: number; readonly fold?: (name: string) => string },
): z.ZodType<{ [name: string]: T }> {
  return z.record(z.string(), value).superRefine((record, context) => {
    const names = Object.keys(record)
    if (names.length > options.max) raise(context, tooMany(names.length, options.max))
    const seen = new Set<string>()
    for (const name of names) {
      const folded = options.fold?.(name) ?? name
      const twice = seen.has(folded)
        ? complain("duplicate-name", `${quote(name)} stands here twice in different case`)
        : undefined
      raise(context, check(name) ?? twice, [name])
      seen.add(folded)
    }
  }, always)
}

export function list<T>(item: z.ZodType<T>, options: { readonly min?: number; readonly max: number }): z.ZodType<T[]> {
  return z
    .array(item)
    .min(options.min ?? 0)
    .max(options.max)
}

export function whole(min: number, max: number): z.ZodType<number> {
  return z.int().min(min).max(max)
}

export function tooMany(count: number, max: number): Complaint {
  return complain("too-many", `There are ${count}; at most ${max} are allowed`)
}

/** Complains when more than one of these keys is there. */
export function conflict(value: object, keys: readonly string[]): Complaint | undefined {
  const found = keys.filter((key) => key in value)
  if (found.length < 2) return undefined
  return complain("conflicting-keys", `${found.map(quote).join(" and ")} exclude each other`, "keep one of them")
}

function exactlyOne(value: object, keys: readonly string[]): Complaint | undefined {
  if (keys.some((key) => key in value)) return conflict(value, keys)
  return complain("missing-key", `One of ${keys.map(quote).join(", ")} must be there`)
}

/** zod names the keys that it does not know, not those it does; the message of the issue brings them along. */
function knownKeys(keys: readonly string[]) {
  return (issue: { code?: string }) => (issue.code === "unrecognized_keys" ? keys.join(" ") : undefined)
}

export function raise(context: z.core.$RefinementCtx, complaint: Complaint | undefined, path: string[] = []): void {
  if (!complaint) return
  const { message, ...params } = complaint
  context.addIssue({ code: "custom", message, params, path, continue: true } as never)
}
