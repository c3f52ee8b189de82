/** Which exchanges stand in the access log, and how: one line of JSON each, whatever a request brings. */
import { LIMITS } from "#shared/model/limits.ts"
import type { AccessLogPolicy } from "#shared/model/route.ts"
import { hideSecret } from "#shared/std/secret.ts"
import type { AccessRecord } from "./access-record.ts"

/** `dice` in [0, 1) is thrown only where a share has to be decided. Without a policy the rule logs all that the mesh logs. */
export function isLogged(
  policy: AccessLogPolicy,
  { status, refusal }: { readonly status: number; readonly refusal: string | undefined },
  durationMs: number,
  dice: () => number,
): boolean {
  const { percent, failures, slowerThanMs } = policy
  if (failures && (status >= 500 || refusal !== undefined)) return true
  if (slowerThanMs !== undefined && durationMs >= slowerThanMs) return true
  return percent >= 100 || (percent > 0 && dice() * 100 < percent)
}

/** `headers` are those of the request that the rule asks for. */
export function logLine(
  record: AccessRecord,
  policy: AccessLogPolicy | undefined,
  headers: { get(name: string): string | null } | undefined,
): string {
  const told: Record<string, string> = {}
  for (const name of policy?.headers ?? []) {
    const value = headers?.get(name)
    if (value !== null && value !== undefined) told[name] = hideSecret(name, value).slice(0, LIMITS.toldCharsMax)
  }
  const method = record.method.slice(0, LIMITS.toldCharsMax)
  const more = Object.keys(told).length > 0 ? { headers: told } : {}
  return JSON.stringify({ ...record, method, ...more }).replace(OBEYED, escaped)
}

/** What JSON lets stand, and terminals or other readers of lines obey: more controls, line ends, directions of text. */
const OBEYED = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`
}
