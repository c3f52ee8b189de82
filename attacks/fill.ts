/** Fills in what a request says in words: tokens, sizes, random texts. One request may stand for several. */
import { randomBytes } from "node:crypto"
import { gzipSync } from "node:zlib"
import type { AttackRequest } from "./case.ts"
import type { Keys } from "./keys.ts"
import { readTokens } from "./tokens.ts"

const UNITS: Readonly<Record<string, number>> = { bytes: 1, kb: 1000, kib: 1024, mb: 1_000_000, mib: 1024 ** 2 }

/** The requests, or what of one is not understood. `knowsTokens`: credentials are tokens of the issuer, not any text. */
export function fill(
  request: AttackRequest,
  knowsTokens: boolean,
  keys: Keys,
  nowSeconds: number,
): AttackRequest[] | { readonly notUnderstood: string } {
  const rawPath = fillText(request.rawPath, keys, nowSeconds)
  const body = request.body === null ? null : fillBody(request.body)
  let filled: AttackRequest[] = [{ ...request, rawPath, body, headers: [] }]
  for (const [name, value] of request.headers) {
    const values = fillHeader(name, value, knowsTokens, keys, nowSeconds)
    if (!Array.isArray(values)) return values
    filled = filled.flatMap((one) =>
      values.map((text) => ({ ...one, headers: [...one.headers, [name, text] as const] })),
    )
  }
  return filled
}

function fillHeader(
  name: string,
  value: string,
  knowsTokens: boolean,
  keys: Keys,
  nowSeconds: number,
): string[] | { readonly notUnderstood: string } {
  const [, first, second] = /^(Bearer .*), (Bearer .*)$/is.exec(value) ?? []
  if (first !== undefined && second !== undefined) {
    const [one, other] = [first, second].map((text) => fillHeader(name, text, knowsTokens, keys, nowSeconds))
    if (!Array.isArray(one)) return one!
    return Array.isArray(other) ? one.flatMap((a) => other.map((b) => `${a}, ${b}`)) : other!
  }
  const [, scheme, rest] = /^(\w+ +)(.*)$/is.exec(value) ?? []
  if (!/^authorization$/i.test(name) || rest === undefined || !(knowsTokens || /[<{]/.test(rest)))
    return [fillText(value, keys, nowSeconds)]
  const tokens = readTokens(rest, keys, nowSeconds)
  return Array.isArray(tokens) ? tokens.map((token) => scheme + token) : tokens
}

function fillText(text: string, keys: Keys, nowSeconds: number): string {
  return text
    .replaceAll("<random>", () => randomBytes(6).toString("hex"))
    .replaceAll(/<valid (?:api )?key>/gi, () => keys.apiKey ?? "<no key was made>")
    .replaceAll("<valid>", () => (readTokens("<valid>", keys, nowSeconds) as string[])[0]!)
}

/** `<70 MiB>`, `<50 KB gzip -> 50 MB>`; any other text is itself. */
export function fillBody(body: string): string {
  const bomb = /^<[\d.]+ \w+ gzip -> ([\d.]+) ?(\w+)>$/.exec(body)
  if (bomb) return gzipSync(Buffer.alloc(sizeOf(bomb[1]!, bomb[2]!))).toString("latin1")
  const [, levels] = /^<([\d,]+) (?:nested arrays|levels|deep)[^>]*>$/i.exec(body) ?? []
  if (levels) return "[".repeat(Number(levels.replaceAll(",", "")))
  const sized = /^<([\d.]+) ?(bytes|[KM]i?B)?[^>]*>$/i.exec(body)
  return sized ? "x".repeat(sizeOf(sized[1]!, sized[2] ?? "bytes")) : body
}

function sizeOf(count: string, unit: string): number {
  return Math.round(Number(count) * (UNITS[unit.toLowerCase()] ?? 1))
}
