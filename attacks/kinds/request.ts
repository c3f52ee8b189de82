/** Cases of the kind `request`: bytes to the public door of the proxy, once for each way that the mesh reaches an upstream. */
import type { ArgumentName } from "#attacks/argued.ts"
import type { AttackCase, AttackRequest } from "#attacks/case.ts"
import { fill } from "#attacks/fill.ts"
import { repliesOf } from "#attacks/issuer.ts"
import { judge } from "#attacks/judge/judge.ts"
import type { Keys } from "#attacks/keys.ts"
import { failed, notUnderstood, type Outcome, passed } from "#attacks/outcome.ts"
import { readSetup } from "#attacks/setups/grammar.ts"
import { PHRASES } from "#attacks/setups/phrases.ts"
import { documentOf, type Stage } from "#attacks/stage.ts"
import type { Arrival, Via } from "#attacks/upstream.ts"
import { answerOf, bytesOf, send, type WireResult } from "#attacks/wire.ts"
import type { World } from "#attacks/world.ts"

/** How long what is sent beside a request, to a mirror, may take to arrive. */
const LATE_MS = 50

const PLAIN: AttackRequest = { method: "GET", rawPath: "/", headers: [["Host", "app.test"]], body: null }

export class Requests {
  readonly #world: World
  readonly #keys: Keys
  #standing = ""

  constructor(world: World, keys: Keys) {
    this.#world = world
    this.#keys = keys
  }

  /** Somebody else changed the mesh. */
  forget(): void {
    this.#standing = ""
  }

  async run(one: AttackCase): Promise<Outcome> {
    const stage = readSetup(one.setup, PHRASES)
    if ("notUnderstood" in stage) return notUnderstood(one, [`setup: ${stage.notUnderstood}`])
    const [, type] = /where (\S+) is required/.exec(one.request.headers.flat().join(" ")) ?? []
    if (type) typed(stage, type)
    if (stage.isRefused) return this.#refusal(one, stage)
    const argued = stage.argued ?? argumentFor(one)
    if (argued) stage.argued = argued
    const reasons: string[] = []
    for (const via of stage.vias) {
      reasons.push(...(await this.#set(stage, via)))
      if (isTimed(one)) await beginningOfSecond()
      const requests = fill(one.request, stage.facts.tokens ?? false, this.#keys, Math.floor(Date.now() / 1000))
      if (!Array.isArray(requests)) return notUnderstood(one, [`request: ${requests.notUnderstood}`])
      for (const request of requests) {
        const { faults, notUnderstood: unknown } = await judge(await this.#attack(one, stage, via, request))
        if (unknown.length > 0) return notUnderstood(one, unknown)
        reasons.push(...faults.map((fault) => `by ${via}: ${fault}`))
      }
    }
    return reasons.length > 0 ? failed(one, reasons) : passed(one, stage.argued)
  }

  async #refusal(one: AttackCase, stage: Stage): Promise<Outcome> {
    const document = documentOf(stage, "binding", (service) => this.#world.origin.urlOf(service))
    const isTaken = await this.#world.apply(document).then(
      () => true,
      (error: Error) => !error.message.includes("answered 422"),
    )
    this.forget()
    return isTaken ? failed(one, ["control takes what the setup describes"]) : passed(one, "refused-setup")
  }

  /** Neighbouring cases often have the same setup. What must be served is tried once for each: a mesh that refuses all is broken. */
  async #set(stage: Stage, via: Via): Promise<readonly string[]> {
    const document = documentOf(stage, via, (service) => this.#world.origin.urlOf(service))
    const text = JSON.stringify([document, stage.facts.benign])
    const isNew = text !== this.#standing
    if (isNew) await this.#world.apply(document)
    this.#standing = text
    const replies = stage.issuer && { keys: repliesOf(stage.issuer, this.#keys) }
    await this.#world.play({ ...stage.script, ...replies })
    const { benign } = stage.facts
    if (!isNew || !benign) return []
    const requests = fill({ ...PLAIN, ...benign }, true, this.#keys, Math.floor(Date.now() / 1000))
    if (!Array.isArray(requests)) return [`not understood: ${requests.notUnderstood}`]
    const { status } = answerOf(await send(this.#world.ingressPort, bytesOf(requests[0]!)))
    return status === 200 ? [] : [`by ${via}: what is no attack is answered ${status}`]
  }

  async #attack(one: AttackCase, stage: Stage, via: Via, sent: AttackRequest) {
    const world = this.#world
    await world.drain()
    const logged = world.log.length
    const results: WireResult[] = []
    for (let round = 0; round < (stage.facts.sends ?? 1); round++) {
      const port = stage.door === "ingress" ? world.ingressPort : world.controlPort
      results.push(await send(port, bytesOf(sent), sent.method))
    }
    const arrivals: Arrival[] = await world.drain()
    if (stage.facts.sends !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, LATE_MS))
      arrivals.push(...(await world.drain()))
    }
    return { one, stage, via, sent, results, arrivals, log: world.log.slice(logged), world }
  }
}

/** What the runtime knows of methods; by any other it is not asked at all. */
const METHODS = new Set(
  "GET HEAD POST PUT DELETE PATCH OPTIONS TRACE COPY LOCK MKCOL MOVE PROPFIND PROPPATCH SEARCH UNLOCK ACL REPORT MKACTIVITY"
    .concat(" CHECKOUT MERGE MSEARCH NOTIFY SUBSCRIBE UNSUBSCRIBE PURGE LINK UNLINK")
    .split(" "),
)

/** Where the runtime answers before the mesh can: what it does is no answer that the case would have. */
function argumentFor({ request, expect: { status } }: AttackCase): ArgumentName | undefined {
  const { method, headers, body } = request
  const has = (name: string) => headers.some(([one]) => one.toLowerCase() === name)
  const isLoose = has("transfer-encoding") && (has("content-length") || /[^\r]\n/.test(body ?? ""))
  if (isLoose && !status.includes(200) && !has("upgrade")) return "framed-anew"
  if (method === "CONNECT") return status.includes(500) ? undefined : "no-connect"
  return METHODS.has(method) || status.includes(501) ? undefined : "no-such-method"
}

/** Some cases say with their token of which type it should have been. */
function typed(stage: Stage, type: string): void {
  if (stage.issuer) stage.issuer.type = type
  const headers = [
    ["Host", "app.test"],
    ["Authorization", `Bearer {typ:'${type}'}`],
  ] as const
  stage.facts = { ...stage.facts, benign: { ...stage.facts.benign, headers } }
}

/** Whether a token's times are told from now on, in whole seconds: it must be judged in the second in which it is made. */
function isTimed({ request }: AttackCase): boolean {
  return request.headers.some(([, value]) => /now\s*[+-]/.test(value))
}

function beginningOfSecond(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1_000 - (Date.now() % 1_000)))
}
