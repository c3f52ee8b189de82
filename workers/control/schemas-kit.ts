/** What several shapes of the control API are made of. */
import { z } from "@hono/zod-openapi"
import { isLabel } from "#shared/model/names.ts"

/** `T` as zod infers it: an optional property may also hold undefined. JSON has no undefined, so nothing is lost. */
type Loose<T> = T extends object
  ? { [K in keyof T]: Record<never, never> extends Pick<T, K> ? Loose<T[K]> | undefined : Loose<T[K]> }
  : T

export type Schema<T> = z.ZodType<Loose<T>>

export const time = z.int().min(0).openapi({ description: "Milliseconds since 1970." })
/** As a pattern, for the description; what decides is `isLabel`. */
export const LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
export const label = z
  .string()
  .refine(isLabel, "must be lower-case letters, digits and dashes, at most 63 characters")
  .openapi({ pattern: `^${LABEL}$`, example: "orders" })

/** A whole number in a query or path: digits only, no sign, no exponent, no white space. */
export function digits(min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,15}$/, "must be a whole number")
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .openapi({ type: "integer", minimum: min, maximum: max })
}

export const REVISION_MAX = 1e15 - 1
