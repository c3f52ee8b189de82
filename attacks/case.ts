/** Attack cases as their files hold them: a setup and an expectation in words, and a request to be sent byte for byte. */

export const KINDS = ["request", "admin", "config", "load", "fault", "cli"] as const
export type Kind = (typeof KINDS)[number]

export interface AttackCase {
  readonly id: string
  /** What it attacks: `path.normalisation`, `jwt.time`, `admin.rbac`. */
  readonly class: string
  readonly kind: Kind
  /** In words: what the mesh is like. */
  readonly setup: string
  readonly request: AttackRequest
  readonly expect: {
    readonly status: readonly number[]
    /** In words: what the upstream may have received. */
    readonly upstream: string
    /** In words: what else must hold. */
    readonly assert: string
  }
}

/** Every text is a text of bytes: each character is one byte. Placeholders such as `<alice>` are filled in before. */
export interface AttackRequest {
  readonly method: string
  readonly rawPath: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string | null
}

/** The cases of a file, or what is wrong with it. */
export function readCases(content: unknown): AttackCase[] | string {
  if (!Array.isArray(content)) return "is not a list of cases"
  for (const [index, one] of content.entries()) {
    const fault = faultOf(one)
    if (fault) return `[${index}]: ${fault}`
  }
  return content as AttackCase[]
}

function faultOf(one: Partial<AttackCase>): string | undefined {
  for (const key of ["id", "class", "kind", "setup"] as const) {
    if (typeof one?.[key] !== "string") return `has no ${key}`
  }
  if (!KINDS.includes(one.kind!)) return `is of an unknown kind, ${one.kind}`
  const { request, expect } = one
  if (typeof request?.method !== "string" || typeof request.rawPath !== "string" || !Array.isArray(request.headers))
    return "has no request with method, rawPath and headers"
  if (!Array.isArray(expect?.status) || typeof expect.upstream !== "string" || typeof expect.assert !== "string")
    return "has no expectation with status, upstream and assert"
  return undefined
}
