/**
 * What routing knows of a request: the canonical head, and a reader that parses the query and the cookies only when a
 * candidate asks for them.
 */
import type { ServiceId } from "#shared/model/names.ts"
import type { Principals } from "#shared/model/principal.ts"
import { type Address, parseAddress } from "#shared/std/ip.ts"
import { memberAt } from "#shared/std/member-path.ts"

export interface RequestHead {
  /** Upper-case. */
  readonly method: string
  /** Canonical, begins with "/"; "" for an RPC call. */
  readonly path: string
  /** Without "?". */
  readonly rawQuery: string
  /** Lower-case, no port, no trailing dot; "" when the request addresses a service. */
  readonly host: string
  /** `get` joins repeated headers with ", ". */
  readonly headers: Headers
  /** The calling service; public traffic has none. */
  readonly caller: ServiceId | undefined
  /** The public client's address, as far as it is certain. */
  readonly address?: string | undefined
  /** For conditions on the time; without, none of them holds. */
  readonly nowMs?: number | undefined
  /** The method of an RPC call. */
  readonly rpc: string | undefined
  /**
   * The exchange's throw for `percent` conditions, in [0, 1). Weighted choices need a throw of their own: with this
   * one, all requests that a `percent: 10` let in would fall into the first tenth of the weights.
   */
  readonly dice: number
  /** Who is asking; absent where nobody was asked. */
  readonly principals?: Principals
}

/** Reads named values of one request; each is `null` when absent, and "" when present and empty. */
export class Reader {
  readonly head: RequestHead
  #query: URLSearchParams | undefined
  #cookies: Map<string, string> | undefined
  #address: Address | null | undefined
  // Many candidates on one path usually differ in the value of the same header.
  #headerName = ""
  #headerValue: string | null = null

  constructor(head: RequestHead) {
    this.head = head
  }

  header(name: string): string | null {
    if (name !== this.#headerName) {
      this.#headerValue = this.head.headers.get(name)
      this.#headerName = name
    }
    return this.#headerValue
  }

  /** The first value of the parameter (Gateway API). */
  query(name: string): string | null {
    this.#query ??= new URLSearchParams(this.head.rawQuery)
    return this.#query.get(name)
  }

  /** All values of a claim of the end user's token: one, or those of a list; undefined when it is absent. */
  claim(way: readonly string[]): readonly string[] | undefined {
    const user = this.head.principals?.user
    const value = user && memberAt(user.claims, way)
    if (value === undefined || value === null) return undefined
    return (Array.isArray(value) ? value : [value]).filter((one) => typeof one !== "object").map(String)
  }

  /** The public client's address; undefined where it is not certain. */
  address(): Address | undefined {
    if (this.#address === undefined) this.#address = parseAddress(this.head.address ?? "") ?? null
    return this.#address ?? undefined
  }

  /** The first value of the cookie. */
  cookie(name: string): string | null {
    this.#cookies ??= parseCookies(this.header("cookie"))
    return this.#cookies.get(name) ?? null
  }
}

/** RFC 6265 4.1: `name=value` pairs between ";"; a value may stand in double quotes. */
function parseCookies(header: string | null): Map<string, string> {
  const cookies = new Map<string, string>()
  if (header === null) return cookies
  for (const pair of header.split(";")) {
    const equals = pair.indexOf("=")
    if (equals < 0) continue
    const name = pair.slice(0, equals).trim()
    const value = pair.slice(equals + 1).trim()
    if (!cookies.has(name)) cookies.set(name, unquote(value))
  }
  return cookies
}

function unquote(value: string): string {
  return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
}
