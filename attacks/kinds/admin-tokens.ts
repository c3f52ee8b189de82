/** Tokens of control as cases name them: `<viewer t1>`, `<editor>`, `<revoked>`, `<wrong, same prefix>`. */
import { randomBytes } from "node:crypto"
import type { AttackRequest } from "#attacks/case.ts"
import { ADMIN_TOKEN, type World } from "#attacks/world.ts"

type Role = "viewer" | "operator" | "admin"

const ROLES: Readonly<Record<string, Role>> = {
  viewer: "viewer",
  reader: "viewer",
  editor: "operator",
  writer: "operator",
  operator: "operator",
  admin: "admin",
  owner: "admin",
}

export class Tokens {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  /** The headers with tokens and texts in the place of their names; a text says which one nobody knows. */
  async fill(headers: AttackRequest["headers"]): Promise<AttackRequest["headers"] | string> {
    const filled: (readonly [string, string])[] = []
    for (const [name, value] of headers) {
      const [, described] = /<([^>]+)>/.exec(value) ?? []
      if (described === undefined) {
        filled.push([name, value])
        continue
      }
      const token = await this.#tokenFor(described)
      if (token === undefined) return `token: <${described}>`
      filled.push([name, value.replace(`<${described}>`, token)])
    }
    return filled
  }

  /** A text with tokens in the place of their names; what stands there otherwise stays. */
  async fillText(text: string): Promise<string | undefined> {
    const [, described] =
      /<((?:viewer|reader|editor|writer|operator|admin|owner|expired|revoked)\b[^>]*)>/.exec(text) ?? []
    if (described === undefined) return text
    const token = await this.#tokenFor(described)
    return token && text.replace(`<${described}>`, token)
  }

  /** A token that is revoked is of no use from then on. */
  async revocationFaults(): Promise<string[]> {
    const { name, token } = await this.#make("viewer")
    const statusWith = async () => (await this.#ask("GET", "/v1/whoami", token)).status
    const before = await statusWith()
    await this.#ask("DELETE", `/v1/tokens/${name}`)
    const after = await statusWith()
    return before === 200 && after === 401
      ? []
      : [`before it was revoked the token is answered ${before}, at once afterwards ${after}`]
  }

  async #tokenFor(described: string): Promise<string | undefined> {
    if (/^forged/.test(described)) return randomBytes(24).toString("base64url")
    if (/^wrong, same prefix/.test(described)) return `${ADMIN_TOKEN.slice(0, -1)}!`
    if (/^wrong|^unknown|^random/.test(described)) return `weft_${randomBytes(24).toString("base64url")}`
    if (/\bexpired\b/.test(described)) return this.#expired()
    if (/\brevoked\b/.test(described)) {
      const { name, token } = await this.#make("viewer")
      await this.#ask("DELETE", `/v1/tokens/${name}`)
      return token
    }
    const [word = "", ...more] = described.split(" ")
    const role = ROLES[word]
    if (!role) return undefined
    const namespace = more.find((one) => /^t\d+$/.test(one)) ?? (/without read/.test(described) ? "t1" : undefined)
    return (await this.#make(role, namespace)).token
  }

  /** Good for the shortest time that there is, and then waited for. */
  async #expired(): Promise<string> {
    const { token } = await this.#make("viewer", undefined, 1)
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    return token
  }

  async #make(role: Role, namespace?: string, expiresInSeconds = 3_600): Promise<{ name: string; token: string }> {
    const name = `case-${randomBytes(6).toString("hex")}`
    const limited = namespace !== undefined && role !== "admin" ? { namespaces: [namespace] } : {}
    const response = await this.#ask("POST", "/v1/tokens", ADMIN_TOKEN, {
      name,
      role,
      expiresInSeconds,
      ...limited,
    })
    if (response.status !== 201) throw new Error(`no token for ${role}: ${await response.text()}`)
    const { token } = (await response.json()) as { token: string }
    return { name, token }
  }

  #ask(method: string, path: string, token = ADMIN_TOKEN, body?: object): Promise<Response> {
    const headers = { authorization: `Bearer ${token}`, ...(body && { "content-type": "application/json" }) }
    return fetch(`${this.#world.controlUrl}${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) })
  }
}
