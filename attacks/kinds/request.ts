/** Cases of the kind `request`: bytes to the public door of the proxy, once for each way that the mesh reaches an upstream. */
import type { ArgumentName } from "#attacks/argued.ts"
import type { AttackCase, AttackRequest } from "#attacks/case.ts"
import { fill } from "#attacks/fill.ts"
import { repliesOf } from "#attacks/issuer.ts"
import type { Evidence } from "#attacks/judge/evidence.ts"
import { judge } from "#attacks/judge/judge.ts"
import type { Keys } from "#attacks/keys.ts"
import { failed, notUnderstood, type Outcome, passed } from "#attacks/outcome.ts"
import { readSetup } from "#attacks/setups/grammar.ts"
import { PHRASES } from "#attacks/setups/phrases.ts"
import { documentOf, type Stage } from "#attacks/stage.ts"
import type { Arrival, Via } from "#attacks/upstream.ts"
import { answerOf, bytesOf, send, type WireResult } from "#attacks/wire.ts"
import type { World } from "#attacks/world.ts"

/** So many seconds are tried for what has to happen within one. */
const SECONDS_MAX = 60

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
    const outcome = await this.#onStage(one, stage)
    // Only what does not end as its file wants is argued.
    const argument = stage.argued ?? argumentFor(one)
    if (outcome.verdict !== "failed" || stage.argued || !argument) return outcome
    return this.#onStage(one, { ...stage, argued: argument })
  }

  async #onStage(one: AttackCase, stage: Stage): Promise<Outcome> {
    const reasons: string[] = []
    for (const via of stage.vias) {
      reasons.push(...(await this.#set(stage, via)))
      const sent = isTimed(one) ? await this.#withinOneSecond(one, stage, via) : await this.#sendAll(one, stage, via)
      if (!Array.isArray(sent)) return notUnderstood(one, [`request: ${sent.notUnderstood}`])
      for (const evidence of sent) {
        const { faults, notUnderstood: unknown } = await judge(evidence)
        if (unknown.length > 0) return notUnderstood(one, unknown)
        reasons.push(...faults.map((fault) => `by ${via}: ${fault}`))
      }
    }
    return reasons.length > 0 ? failed(one, reasons) : passed(one, stage.argued)
  }

  async #sendAll(one: AttackCase, stage: Stage, via: Via): Promise<Evidence[] | { readonly notUnderstood: string }> {
    const requests = fill(one.request, stage.facts.tokens ?? false, this.#keys, nowSeconds())
    if (!Array.isArray(requests)) return requests
    const sent: Evidence[] = []
    for (const request of requests) sent.push(await this.#attack(one, stage, via, request))
    return sent
  }

  /** A token's times are told from now on, in whole seconds: it must be judged in the second in which it is made. */
  async #withinOneSecond(one: AttackCase, stage: Stage, via: Via) {
    for (let attempt = 0; ; attempt++) {
      await beginningOfSecond()
      const second = nowSeconds()
      const sent = await this.#sendAll(one, stage, via)
      if (nowSeconds() === second) return sent
      if (attempt === SECONDS_MAX) throw new Error("no second was long enough for the case")
    }
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
    if (stage.apiKeys) this.#keys.apiKey ??= await this.#world.makeApiKey()
    if (isNew) await this.#world.apply(document)
    this.#standing = text
    const replies = stage.issuer && { keys: repliesOf(stage.issuer, this.#keys) }
    await this.#world.play({ ...stage.script, ...replies })
    const { benign } = stage.facts
    if (!isNew || !benign) return []
    const requests = fill({ ...PLAIN, ...benign }, true, this.#keys, nowSeconds())
    if (!Array.isArray(requests)) return [`not understood: ${requests.notUnderstood}`]
    const { status } = answerOf(await send(this.#world.ingressPort, bytesOf(requests[0]!)))
    return status === 200 ? [] : [`by ${via}: what is no attack is answered ${status}`]
  }

  async #attack(one: AttackCase, stage: Stage, via: Via, sent: AttackRequest): Promise<Evidence> {
    const world = this.#world
    await world.drain()
    const logged = world.log.length
    const results: WireResult[] = []
    let tookMs = 0
    for (let round = 0; round < (stage.facts.sends ?? 1); round++) {
      const port = stage.door === "ingress" ? world.ingressPort : world.controlPort
      const startedAtMs = performance.now()
      results.push(await send(port, bytesOf(sent, stage.facts.version), sent.method))
      tookMs = Math.max(tookMs, performance.now() - startedAtMs)
    }
    const arrivals: Arrival[] = await world.drain()
    if (stage.facts.sends !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, LATE_MS))
      arrivals.push(...(await world.drain()))
    }
    return { one, stage, via, sent, results, arrivals, tookMs, log: world.log.slice(logged), world }
  }
}

/** What the runtime knows of methods; by any other it is not asked at all. */
const METHODS = new Set(
  "GET HEAD POST PUT DELETE PATCH OPTIONS TRACE COPY LOCK MKCOL MOVE PROPFIND PROPPATCH SEARCH UNLOCK ACL REPORT MKACTIVITY"
    .concat(" CHECKOUT MERGE MSEARCH NOTIFY SUBSCRIBE UNSUBSCRIBE PURGE LINK UNLINK")
    .split(" "),
)

/** Where the runtime answers before the mesh can: what it does is no answer that the case would have. */
function argumentFor({ class: of, setup, request, expect: { status } }: AttackCase): ArgumentName | undefined {
  const { method, headers, body } = request
  const has = (name: string) => headers.some(([one]) => one.toLowerCase() === name)
  const isChunked = has("transfer-encoding")
  const isLoose =
    headers.some(([, value]) => /[^\r]\n/.test(value)) ||
    (isChunked && (has("content-length") || /[^\r]\n/.test(body ?? "") || !isStrictlyChunked(body ?? "")))
  // A policy of ours has no expressions, and a wildcard takes labels of any number.
  const [, origin] = headers.find(([name]) => name.toLowerCase() === "origin") ?? []
  if (/^cors\./.test(of) && /regex '/.test(setup) && /^https:\/\/[\w-]+(\.[\w-]+){3,}$/.test(origin ?? ""))
    return "wildcard-labels"
  if (isLoose && !status.includes(200) && !has("upgrade")) return "framed-anew"
  if (method === "CONNECT") return status.includes(500) ? undefined : "no-connect"
  return METHODS.has(method) || status.includes(501) ? undefined : "no-such-method"
}

/** Size, CRLF, so many bytes, CRLF, and so on to the last one (RFC 9112, 7.1). */
function isStrictlyChunked(body: string): boolean {
  let rest = body
  for (;;) {
    const [line = "", digits = ""] = /^([0-9a-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n/i.exec(rest) ?? []
    if (line === "") return false
    const size = Number.parseInt(digits, 16)
    if (size === 0) return true
    if (rest.slice(line.length + size, line.length + size + 2) !== "\r\n") return false
    rest = rest.slice(line.length + size + 2)
  }
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

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000)
}

function isTimed({ request }: AttackCase): boolean {
  return request.headers.some(([, value]) => /now\s*[+-]/.test(value))
}

function beginningOfSecond(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1_000 - (Date.now() % 1_000)))
}
