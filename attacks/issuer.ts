/** The issuer that cases speak of, as documents name it, and how the server of its keys behaves. */
import type { AuthenticationDocument, CredentialDocument } from "#shared/model/authentication-document.ts"
import { AUDIENCE, ISSUER, type Keys } from "./keys.ts"
import type { Reply, Via } from "./upstream.ts"
import type { ServiceName } from "./world.ts"

/** What becomes of a request for the issuer's keys. */
export type KeysState =
  | "rotated"
  | "twins"
  | "weak"
  | "unfit"
  | "misshapen"
  | "private"
  | "known"
  | "many"
  | "none"
  | "garbled"
  | "failing"
  | "down"
  | "hanging"
  | "huge"
  | "redirected"

export interface IssuerStage {
  /** A token must be there. */
  required: boolean
  keys: KeysState
  /** The `typ` that tokens must have. */
  type?: string
  from?: CredentialDocument[]
  claimHeaders?: Record<string, string>
}

const MANY = 10_000
const HUGE_BYTES = 4 * 1024 * 1024

/** For public traffic: keys by URL where upstreams are reached by URL, else by a service of the mesh. */
export function authenticationOf(
  { required, keys, type, from, claimHeaders }: IssuerStage,
  via: Via,
  urlOf: (service: ServiceName) => string,
): AuthenticationDocument {
  // Proxies remember what a place has told them of keys: each state has a place of its own.
  const path = `/keys-${keys}.json`
  const jwks = via === "url" ? { url: `${urlOf("keys")}${path}` } : { service: "keys", path }
  const issuer = { issuer: ISSUER, audiences: [AUDIENCE], algorithms: ["RS256" as const, "ES256" as const], jwks }
  const more = { ...(type && { type }), ...(from && { from }), ...(claimHeaders && { claimHeaders }) }
  return { gateways: ["default"], required, jwt: [{ ...issuer, ...more }] }
}

export function repliesOf({ keys: state }: IssuerStage, keys: Keys): Readonly<Record<string, Reply>> {
  return { [`/keys-${state}.json`]: replyOf(state, keys) }
}

function replyOf(state: KeysState, keys: Keys): Reply {
  const headers = [["content-type", "application/json"]] as const
  const told = (body: object): Reply => ({ status: 200, headers, body: JSON.stringify(body) })
  switch (state) {
    case "known":
      return told(keys.jwks())
    case "many":
      return told({ keys: Array.from({ length: MANY }, (_, index) => ({ ...keys.jwk("k1"), kid: `k${index}` })) })
    case "rotated":
      return told({ keys: [{ ...keys.jwk("stranger"), kid: "k9", alg: "RS256" }] })
    case "twins":
      return told({ keys: ["stranger" as const, "k1" as const].map((name) => ({ ...keys.jwk(name), kid: "k1" })) })
    case "weak":
      return told({ keys: [{ ...keys.jwk("k1"), n: "x".repeat(86), kid: "k1" }] })
    case "unfit":
      return told({ keys: [{ kty: "oct", k: "c2VjcmV0", kid: "k1" }] })
    case "misshapen":
      return told([{ ...keys.jwk("k1"), kid: "k1" }])
    case "private":
      return told({ keys: [{ ...keys.jwk("k1"), kid: "k1", d: "AQAB", p: "AQAB", q: "AQAB" }] })
    case "none":
      return told({ keys: [] })
    case "garbled":
      return { status: 200, headers: [["content-type", "text/html"]], body: "<html>no keys here</html>" }
    case "failing":
      return { status: 500, headers: [], body: "" }
    case "down":
      return { status: 200, headers: [], body: "", fails: true }
    case "hanging":
      return { status: 200, headers: [], body: "", hangs: true }
    case "huge":
      return told({ ...keys.jwks(), padding: "x".repeat(HUGE_BYTES) })
    case "redirected":
      return { status: 302, headers: [["location", "http://169.254.169.254/keys"]], body: "" }
  }
}
