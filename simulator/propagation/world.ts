/** What the machines of one schedule share: the network, what decides, and what has been seen of all that must hold. */
import { BOUND_MS } from "#shared/propagation/convergence.ts"
import { type Engine, Violation } from "#simulator/engine.ts"
import type { Network } from "#simulator/network.ts"
import type { Cores } from "./cores.ts"

/** A snapshot stands for itself; a bad one cannot be served by anybody. */
export interface Content {
  readonly text: string
  readonly bad: boolean
}

export class World {
  readonly engine: Engine
  readonly network: Network
  readonly cores: Cores
  /** What is on the root's disk, or was once: no number may ever mean two things. */
  readonly texts = new Map<number, string>()
  readonly acknowledged = new Map<number, string>()
  readonly bad = new Set<string>()
  /** When each version of the feed was followed by the next. */
  readonly newsOverAtMs = new Map<number, number>()
  /** The highest revision that was said to be served everywhere. */
  done = 0
  served = 0

  constructor(engine: Engine, network: Network, cores: Cores) {
    this.engine = engine
    this.network = network
    this.cores = cores
  }

  holds(condition: boolean, invariant: string, detail: () => string): void {
    if (!condition) throw new Violation(invariant, detail())
  }

  /** A revision has reached the disk. */
  stored(revision: number, text: string): void {
    const before = this.texts.get(revision)
    this.holds(
      before === undefined || before === text,
      "one-content",
      () => `revision ${revision} was ${before}, is ${text}`,
    )
    this.texts.set(revision, text)
  }

  /** A text as it arrives. */
  carried(text: string): string {
    return this.network.happens("corruption", 0.05) ? `${text}?` : text
  }

  isWhole(text: string, digest: string): boolean {
    return !this.cores.checksDigest || digestOf(text) === digest
  }
}

export function digestOf(text: string): string {
  return `#${text}`
}

/** Verdicts may be as much older than is said of them as a push is on its way. */
export const NEWS_SLACK_MS = 4_500
export { BOUND_MS }
