/** Reads what a request carries, strictly: unknown, doubled, empty and oversized input is refused, never guessed at. */
import type { z } from "@hono/zod-openapi"
import { LIMITS } from "#shared/model/limits.ts"
import type { Problem } from "#shared/model/problem.ts"
import { type JsonProblem, parseJson } from "#shared/std/json.ts"
import type { Body } from "./endpoint.ts"
import { problem } from "./problems.ts"

/** A parsed value, or the refusal to send. */
export type Input<T> = { readonly value: T } | Response

/** The parameters of the query. A parameter without a value is refused: `?prune` could mean either thing (rule R26). */
export function readQuery(url: URL, schema: z.ZodObject): Input<unknown> {
  const given: Record<string, string> = Object.create(null)
  for (const [name, value] of url.searchParams) {
    if (name in given) return problem(400, `The query parameter ${quote(name)} stands there twice.`)
    if (value === "") return problem(400, `The query parameter ${quote(name)} has no value.`)
    given[name] = value
  }
  return check(given, schema, "query")
}

export function readParams(params: Record<string, string>, schema: z.ZodObject): Input<unknown> {
  return check(params, schema, "path")
}

/** A JSON body of at most `bytesMax` bytes, with its text. */
export async function readBody(
  request: Request,
  body: Body<unknown>,
  withinMs: number = LIMITS.controlBodyMs,
): Promise<Input<{ json: unknown; text: string }>> {
  if (!isJson(request.headers)) return problem(415, "Send the body with `Content-Type: application/json`, unpacked.")
  const bytes = await readBytes(request, body.bytesMax, withinMs)
  if (bytes === "late") return problem(408, `A body has to come within ${withinMs / 1000} seconds.`)
  if (bytes === "broken") return problem(400, "The body broke off.")
  if (bytes === "large") return problem(413, `At most ${body.bytesMax} bytes are read.`)
  const text = decode(bytes)
  if (text === undefined) return problem(400, "The body is not UTF-8.")
  const json = parseJson(text)
  if ("problem" in json) {
    // What is JSON and yet says two things, or too much, is understood and refused.
    const status = json.problem.rule === "syntax" ? 400 : 422
    return problem(status, "The body is not strict JSON.", { problems: [located(json.problem)] })
  }
  const checked = check(json.value, body.schema, "body")
  return checked instanceof Response ? checked : { value: { json: checked.value, text } }
}

/** The message of a revision: one line of printable text. Control characters could forge lines of a log or a terminal. */
export function cleanMessage(message: string | undefined, charsMax: number): string {
  const printable = (message ?? "").replaceAll(/[\p{Cc}\p{Z}]+/gu, " ").replaceAll(/[\p{Cf}\p{Cs}]/gu, "")
  return printable.trim().slice(0, charsMax).toWellFormed()
}

function check(value: unknown, schema: z.ZodType, where: string): Input<unknown> {
  const result = schema.safeParse(value)
  if (result.success) return { value: result.data }
  const problems = result.error.issues.slice(0, LIMITS.problemsMax).map(
    (issue): Problem => ({
      path: issue.path.map(String).join("."),
      rule: issue.code.replaceAll("_", "-"),
      message: issue.message,
    }),
  )
  return problem(400, `The ${where} is not as it should be.`, { problems })
}

function located({ rule, message, line, column }: JsonProblem): Problem {
  return { path: "", rule, message, source: { file: "request body", line, column } }
}

function isJson(headers: Headers): boolean {
  const encoding = headers.get("content-encoding")
  if (encoding !== null && encoding.toLowerCase() !== "identity") return false
  return /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i.test(headers.get("content-type") ?? "")
}

/** The announced length saves reading; what is counted is what came. */
async function readBytes(
  request: Request,
  bytesMax: number,
  withinMs: number,
): Promise<Uint8Array | "large" | "late" | "broken"> {
  if (Number(request.headers.get("content-length") ?? 0) > bytesMax) return "large"
  const reader = request.body?.getReader()
  let isLate = false
  // A body that trickles in holds a request open for as long as its sender likes.
  const timer = setTimeout(() => {
    isLate = true
    void reader?.cancel().catch(() => {})
  }, withinMs)
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
      size += part.value.byteLength
      if (size > bytesMax) {
        void reader?.cancel().catch(() => {})
        return "large"
      }
      chunks.push(part.value)
    }
  } catch {
    return "broken"
  } finally {
    clearTimeout(timer)
  }
  return isLate ? "late" : joined(chunks, size)
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.byteLength
  }
  return bytes
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function quote(name: string): string {
  return JSON.stringify(name.slice(0, 64))
}
