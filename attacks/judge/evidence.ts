/** What is known of one case after it was sent, and what judges say of it: faults, in words; none when all is well. */
import type { AttackCase, AttackRequest } from "#attacks/case.ts"
import type { Stage } from "#attacks/stage.ts"
import type { Arrival, Via } from "#attacks/upstream.ts"
import { answerOf, bytesOf, send, type WireAnswer, type WireResult } from "#attacks/wire.ts"
import type { World } from "#attacks/world.ts"

export interface Evidence {
  readonly one: AttackCase
  readonly stage: Stage
  readonly via: Via
  readonly sent: AttackRequest
  /** One result for each time that it was sent. */
  readonly results: readonly WireResult[]
  readonly arrivals: readonly Arrival[]
  /** How long the slowest answer took. */
  readonly tookMs: number
  /** What the proxy logged meanwhile. */
  readonly log: readonly string[]
  readonly world: World
}

export type Faults = readonly string[]
export type Judge = (evidence: Evidence, words: readonly string[]) => Faults | Promise<Faults>

/** What some text of an expectation means. */
export interface Meaning {
  /** The classes of cases in which it means this. Absent: all. */
  readonly of?: RegExp
  readonly says: RegExp
  readonly judge: Judge
}

export const FINE: Faults = []

export function firstAnswer({ results }: Evidence): WireAnswer {
  return answerOf(results[0]!)
}

export interface Probed {
  readonly answer: WireAnswer
  readonly result: WireResult
  readonly arrivals: readonly Arrival[]
}

/** Sends something like the case's request: what must not matter is left out, what must is put right. */
export async function probe(
  { sent, world }: Pick<Evidence, "sent" | "world">,
  change: Partial<AttackRequest>,
): Promise<Probed> {
  await world.drain()
  const request = { ...sent, ...change }
  const result = await send(world.ingressPort, bytesOf(request), request.method)
  return { answer: answerOf(result), result, arrivals: await world.drain() }
}

/** The headers that make the request an attack: all but its host. */
export function attackHeaders({ headers }: AttackRequest): readonly (readonly [string, string])[] {
  return headers.filter(([name]) => name.toLowerCase() !== "host")
}

export function withHeader(request: AttackRequest, name: string, value?: string): AttackRequest["headers"] {
  const others = request.headers.filter(([one]) => one.toLowerCase() !== name.toLowerCase())
  return value === undefined ? others : [...others, [name, value]]
}

/** Some servers read `_` and `.` in a name as `-`. */
export function fold(name: string): string {
  return name.toLowerCase().replace(/[_. ]/g, "-")
}
