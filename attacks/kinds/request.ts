/** Cases of the kind `request`: bytes to the public door of the proxy, once for each way that the mesh reaches an upstream. */
import type { AttackCase, AttackRequest } from "#attacks/case.ts"
import { fill } from "#attacks/fill.ts"
import { judge } from "#attacks/judge/judge.ts"
import type { Keys } from "#attacks/keys.ts"
import { failed, notUnderstood, type Outcome, passed } from "#attacks/outcome.ts"
import { readSetup } from "#attacks/setups/grammar.ts"
import { PHRASES } from "#attacks/setups/phrases.ts"
import { documentOf, type Stage } from "#attacks/stage.ts"
import type { Arrival, Via } from "#attacks/upstream.ts"
import { bytesOf, send, type WireResult } from "#attacks/wire.ts"
import type { World } from "#attacks/world.ts"

/** How long what is sent beside a request, to a mirror, may take to arrive. */
const LATE_MS = 50

export class Requests {
  readonly #world: World
  readonly #keys: Keys
  #standing = ""

  constructor(world: World, keys: Keys) {
    this.#world = world
    this.#keys = keys
  }

  async run(one: AttackCase): Promise<Outcome> {
    const stage = readSetup(one.setup, PHRASES)
    if ("notUnderstood" in stage) return notUnderstood(one, [`setup: ${stage.notUnderstood}`])
    const reasons: string[] = []
    for (const via of stage.vias) {
      const requests = fill(one.request, stage.facts.tokens ?? false, this.#keys, Math.floor(Date.now() / 1000))
      if (!Array.isArray(requests)) return notUnderstood(one, [`request: ${requests.notUnderstood}`])
      await this.#set(stage, via)
      for (const request of requests) {
        const { faults, notUnderstood: unknown } = await judge(await this.#attack(one, stage, via, request))
        if (unknown.length > 0) return notUnderstood(one, unknown)
        reasons.push(...faults.map((fault) => `by ${via}: ${fault}`))
      }
    }
    return reasons.length > 0 ? failed(one, reasons) : passed(one, stage.argued)
  }

  /** Neighbouring cases often have the same setup. */
  async #set(stage: Stage, via: Via): Promise<void> {
    const document = documentOf(stage, via, (service) => this.#world.origin.urlOf(service))
    const text = JSON.stringify(document)
    if (text !== this.#standing) await this.#world.apply(document)
    this.#standing = text
    await this.#world.play(stage.script)
  }

  async #attack(one: AttackCase, stage: Stage, via: Via, sent: AttackRequest) {
    const world = this.#world
    await world.drain()
    const logged = world.log.length
    const results: WireResult[] = []
    for (let round = 0; round < (stage.facts.sends ?? 1); round++) {
      results.push(await send(world.ingressPort, bytesOf(sent), sent.method))
    }
    const arrivals: Arrival[] = await world.drain()
    if (stage.facts.sends !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, LATE_MS))
      arrivals.push(...(await world.drain()))
    }
    return { one, stage, via, sent, results, arrivals, log: world.log.slice(logged), world }
  }
}
