/** What stands behind the mesh in every case, and what of a request arrived there. */

/** One request as an upstream received it. */
export interface Arrival {
  /** In whose name the upstream answered. */
  readonly service: string
  readonly via: Via
  readonly method: string
  /** Path and query, byte for byte. */
  readonly target: string
  /** Names in lower case, in their order; repeated ones as often as they came. */
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string
  /** Whether the whole of the declared body came. */
  readonly complete: boolean
}

/** How the mesh reaches the upstream: a Worker by a service binding, or a server by its URL. */
export type Via = "binding" | "url"

/** How an upstream answers. Absent: 200, with what arrived as JSON. */
export interface Reply {
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string
  /** Announces more than it sends, then ends the connection. By URL only. */
  readonly cut?: boolean
  /** Never answers. */
  readonly hangs?: boolean
  /** Ends the connection without an answer. */
  readonly fails?: boolean
  /** Sends this after the answer, as part of no answer. By URL only. */
  readonly trailing?: string
}

/** Replies by service and by target (path, if need be with query); `*` for all others. */
export type Script = Readonly<Record<string, Readonly<Record<string, Reply>>>>

export function valuesOf(headers: Arrival["headers"], name: string): string[] {
  return headers.filter(([one]) => one === name.toLowerCase()).map(([, value]) => value)
}

export function replyTo(script: Script, service: string, target: string): Reply | undefined {
  const replies = script[service] ?? script["*"]
  return replies?.[target] ?? replies?.[target.replace(/\?.*$/s, "")] ?? replies?.["*"]
}
