/** What descriptions of tokens say, and what it makes of a token. */
import type { KeyName, Keys } from "./keys.ts"
import { jsonOf, type Members, readMembers, readValue } from "./loose.ts"
import { LIFE_SECONDS, type Recipe } from "./recipe.ts"

/** Read from the beginning of what is left of a description. */
export interface Saying {
  readonly says: RegExp
  /** False when it does not mean anything after all. Returns what is left of the text where it reads further itself. */
  readonly means: (recipe: Recipe, words: RegExpExecArray, keys: Keys) => string | false | undefined
}

const OF_HEADER = new Set([
  "alg",
  "kid",
  "typ",
  "cty",
  "jku",
  "jwk",
  "x5u",
  "x5c",
  "x5t",
  "crit",
  "b64",
  "zip",
  "enc",
  "x-policy",
])
const MIB = 1024 * 1024

export function sayingsAt(now: number): readonly Saying[] {
  const claimed = (recipe: Recipe, name = "", value = "") => claim(recipe, name, value)
  return [
    { says: /^<(valid|valid token|good|token)>/i, means: () => undefined },
    { says: /^<expired[^>]*>/i, means: (recipe) => claimed(recipe, "exp", String(now - LIFE_SECONDS)) },
    {
      says: /^<(?:not yet valid|future)[^>]*>/i,
      means: (recipe) => claimed(recipe, "nbf", String(now + LIFE_SECONDS)),
    },
    { says: /^<(?:wrong|other|foreign) aud(?:ience)?>/i, means: (recipe) => claimed(recipe, "aud", '"another"') },
    {
      says: /^<(?:wrong|other|foreign) iss(?:uer)?>/i,
      means: (recipe) => claimed(recipe, "iss", '"https://other.test"'),
    },
    { says: /^<(?:forged|tampered|self-signed)[^>]*>/i, means: put({ key: "stranger" }) },
    { says: /^<signed by any well-known test key>/i, means: put({ key: "stranger" }) },
    { says: /^<(\w+)>(?:\||, ?(?:Bearer )?|:|;)<(\w+)>/, means: joined },
    { says: /^<(\w+)>/, means: (recipe, [, who]) => claimed(recipe, "sub", text(who)) },
    { says: /^\{jwk:\{[^}]*\.\.\.[^}]*\}\}/, means: put({ key: "stranger" }) },
    { says: /^(?:header\s*)?\{/, means: readObject },
    { says: /^\.<claims>\.<sig(?:nature)?>/, means: () => undefined },
    { says: /^\.<claims>\.(?=$|\s)/, means: put({ signature: "" }) },
    { says: /^\([^)]*\)|^where \w+ is an? \w+ key/, means: () => undefined },
    { says: /^payload\s+(?=\{)/, means: (recipe, words) => readPayload(recipe, words.input.slice(words[0].length)) },
    { says: /^(?:payload|claim)\s+(?=\w+\s*[:=])/, means: () => undefined },
    { says: /^(?:payload )?with (?:a )?duplicate (?:member |key |claim |name )?['"]?(\w+)['"]?/i, means: twice },
    { says: /^(?:payload |claims? )?nested ([\d,]+) (?:levels )?deep/i, means: nested },
    { says: /^payload (?:is )?(?:an array|\[[^\]]*\])/i, means: put({ payload: "[]" }) },
    {
      says: /^(?:payload )?(?:with |of |is )?(?:in)?valid UTF-?8(?: bytes)?/i,
      means: put({ payload: '{"sub":"\ud800"' }),
    },
    { says: /^payload (?:is )?(?:a string|null|a number)/i, means: put({ payload: "null" }) },
    { says: /^payload (?:is )?not (?:JSON|an object)/i, means: put({ payload: "no object" }) },
    { says: /^HMAC (?:keyed|signed) with the (?:RSA |EC )?public key(?: PEM)?/i, means: withSecret },
    {
      says: /^(?:HMAC )?(?:keyed|signed) (?:with|by) the (?:JWKS(?: document)?|JWK|modulus)(?: as (?:the |a )?secret)?/i,
      means: (recipe, _, keys) => put({ secret: text(keys.jwks()) })(recipe, _, keys),
    },
    {
      says: /^(?:with |and )(?:the )?payload of another(?: token)?|^(?:with )?(?:a )?swapped payload/i,
      means: put({ finish: repaid }),
    },
    { says: /^(?:with )?(?:a )?(?:newline|line feed|LF|CR|tab|space) inside/i, means: put({ finish: broken }) },
    { says: /^and (?:a )?(?:second|another) token/i, means: () => undefined },
    { says: /^where (?:its )?\w+ is \[?[\w, ]+\]?/, means: () => undefined },
    { says: /^payload (?:is )?not (?:valid )?UTF-?8/i, means: put({ payload: '{"sub":"\ud800"' }) },
    {
      says: /^header (?:is )?not (?:JSON|an object)|^header (?:is )?(?:an array|null|a string)/i,
      means: put({ finish: headless }),
    },
    { says: /^with an RSA JWK that has no 'alg'/i, means: (r, _, keys) => signedBy(r, "no-alg", keys.pem("no-alg")) },
    { says: /^signed (?:with|by) (?:a |an |the )?P-384 key/i, means: (recipe) => signedBy(recipe, "p384") },
    { says: /^HMAC (?:(?:keyed|signed) )?with (?:an |the )?empty (?:key|secret|string)/i, means: put({ secret: "" }) },
    {
      says: /^(?:,? ?)signed (?:with|by) (?:a|an|any|another|the|its|that)(?: own| embedded| other| \w+)? key/i,
      means: put({ key: "stranger" }),
    },
    { says: /^(?:no|without|missing) kid\b/, means: header("kid", null) },
    { says: /^(?:no|without|missing) alg\b/, means: header("alg", null) },
    {
      says: /^(kid|alg) (?:is )?(?:missing|absent)/,
      means: (r, words, keys) => header(words[1]!, null)(r, words, keys),
    },
    { says: /^(\w+) (?:is )?(?:missing|absent)/, means: (recipe, [, name]) => noClaim(recipe, name!) },
    { says: /^(?:no|without|missing) (\w+)\b/, means: (recipe, [, name]) => noClaim(recipe, name!) },
    { says: /^(?:an )?ID token where (\S+) is required/i, means: header("typ", '"JWT"') },
    { says: /^where (\S+) is required/i, means: () => undefined },
    { says: /^typ '([^']*)'/, means: (recipe, words, keys) => header("typ", text(words[1]))(recipe, words, keys) },
    { says: /^iss unknown/, means: (recipe) => claimed(recipe, "iss", text("https://other.test")) },
    { says: /^route allows anonymous(?: \(allow_missing\))?/, means: () => undefined },
    {
      says: /^(\w+)\s*[:=]\s*now\s*([+-])\s*(\d+(?:\.\d+)?)(?:\s*s\b)?/,
      means: (recipe, [, name, sign, seconds]) => claimed(recipe, name, String(now + Number(`${sign}${seconds}`))),
    },
    { says: /^(\w+)\s*[:=]\s*negative/, means: (recipe, [, name]) => claimed(recipe, name, "-1") },
    { says: /^(\w+)\s*[:=]\s*/, means: readMember },
    { says: /^\((?:string|number|array|object|null|boolean)\)/, means: () => undefined },
    { says: /^(\d+) (MiB|KiB) token/i, means: large },
    { says: /^with (?:'.'(?:, | and )?)+ substituted/, means: put({ finish: respelled }) },
    {
      says: /^(?:with )?(?:the |its |a |one )?(?:last |first |one )?(?:signature )?(?:character|byte|char|bit)s? (?:of the signature )?(?:changed|flipped)/,
      means: put({ finish: tampered }),
    },
    {
      says: /^(?:with )?(?:(?:the |a |an )?signature (?:stripped|removed|empty)|(?:an? )?empty signature)/,
      means: put({ signature: "" }),
    },
    {
      says: /^(?:with )?(?:the |a )?signature (?:truncated|cut|shortened)/,
      means: put({ finish: (token) => [token.slice(0, -8)] }),
    },
    {
      says: /^(?:with )?(?:a |an |the )?(?:ES256 )?(?:DER(?:[- ]encoded)? (?:ES256 )?signature|signature (?:in|as) (?:ASN\.1 )?DER)/i,
      means: derSignature,
    },
    {
      says: /^(?:with )?(?:an? )?(?:all-zero|zero|r ?= ?0,? ?s ?= ?0|psychic) (?:ES256 )?signature|^(?:with )?(?:a |an )?(?:ES256 )?signature (?:of zeros|all zeros?|r ?= ?s ?= ?0|r ?= ?0,? ?s ?= ?0)/i,
      means: zeroSignature,
    },
    {
      says: /^with (?:a |an )?(?:trailing|leading|extra) (?:newline|space|whitespace|tab|dot|segment|part)s?/i,
      means: put({ finish: (token) => [`${token}.`, `${token}.e30`, `.${token}`] }),
    },
    {
      says: /^(?:an? )?(?:five|5)[- ](?:part|segment)s?(?: JWE)?(?: token)?|^(?:an? )?(?:nested )?JWE(?: token)?/i,
      means: put({ finish: (token) => [`${token}.e30.e30`] }),
    },
    {
      says: /^(?:an? )?(?:two|2)[- ](?:part|segment)s?(?: token)?/i,
      means: put({ finish: (token) => [token.slice(0, token.lastIndexOf("."))] }),
    },
  ]
}

function claim(recipe: Recipe, name: string, value: string | null): undefined {
  recipe.claims = [...recipe.claims.filter(([one]) => one !== name), [name, value]]
}

const text = JSON.stringify

/** Changes a recipe, and reads no further. */
function put(change: Partial<Recipe>): Saying["means"] {
  return (recipe) => {
    Object.assign(recipe, change)
    return undefined
  }
}

function header(name: string, value: string | null): Saying["means"] {
  return (recipe) => {
    recipe.header[name] = value
    return undefined
  }
}

function withSecret(recipe: Recipe, _: RegExpExecArray, keys: Keys): undefined {
  recipe.secret = keys.pem(recipe.key)
}

function signedBy(recipe: Recipe, key: KeyName, secret?: string): undefined {
  recipe.key = key
  recipe.header.kid = text(key)
  if (secret !== undefined) recipe.secret = secret
}

function noClaim(recipe: Recipe, name: string): undefined {
  recipe.claims = recipe.claims.filter(([one]) => one !== name)
}

function zeroSignature(recipe: Recipe): undefined {
  signedBy(recipe, "k2")
  recipe.header.alg = '"ES256"'
  recipe.signature = Buffer.alloc(64).toString("base64url")
}

/** The claims are somebody else's. */
function repaid(token: string): string[] {
  const [head, claims = "", signature] = token.split(".")
  const others = { ...JSON.parse(Buffer.from(claims, "base64url").toString()), sub: "mallory", role: "admin" }
  return [`${head}.${Buffer.from(text(others)).toString("base64url")}.${signature}`]
}

function broken(token: string): string[] {
  const middle = Math.floor(token.length / 2)
  return ["\n", "\t", " "].map((char) => token.slice(0, middle) + char + token.slice(middle))
}

function headless(token: string): string[] {
  const rest = token.slice(token.indexOf("."))
  return ["not JSON", "[]", "null", '"RS256"'].map((head) => Buffer.from(head).toString("base64url") + rest)
}

/** As libraries write curve signatures outside of tokens. */
function derSignature(recipe: Recipe): undefined {
  signedBy(recipe, "k2")
  recipe.header.alg = '"ES256"'
  recipe.finish = (token) => {
    const [head, claims, signature = ""] = token.split(".")
    return [`${head}.${claims}.${derOf(Buffer.from(signature, "base64url")).toString("base64url")}`]
  }
}

/** A sequence of two whole numbers. */
function derOf(signature: Buffer): Buffer {
  const half = signature.length / 2
  const integers = [signature.subarray(0, half), signature.subarray(half)].map((bytes) =>
    Buffer.concat([Buffer.from([2, half + 1, 0]), bytes]),
  )
  const content = Buffer.concat(integers)
  return Buffer.concat([Buffer.from([0x30, content.length]), content])
}

function twice(recipe: Recipe, [, name = ""]: RegExpExecArray): undefined {
  recipe.claims = [...recipe.claims, [name, '"a"'], [name, '"b"']]
}

function nested(recipe: Recipe, [, depth = ""]: RegExpExecArray): undefined {
  const levels = Number(depth.replaceAll(",", ""))
  claim(recipe, "deep", `${"[".repeat(levels)}${"]".repeat(levels)}`)
}

/** Two tokens for who joins texts with a delimiter. */
function joined(recipe: Recipe, [, first, second]: RegExpExecArray): undefined {
  recipe.finish = (token) => [`${token}|${token}`]
  claim(recipe, "sub", text(`${first} ${second}`))
}

/** Header or claims: their members tell. */
function readObject(recipe: Recipe, { input }: RegExpExecArray): string | false {
  const read = readMembers(input.replace(/^header\s*/, ""))
  if (!read) return false
  const isHeader = Object.keys(read.value).some((name) => OF_HEADER.has(name))
  if (isHeader) putHeader(recipe, read.value)
  else for (const [name, value] of Object.entries(read.value)) claim(recipe, name, value)
  return read.rest
}

function putHeader(recipe: Recipe, members: Members): void {
  Object.assign(recipe.header, members)
  const kid = members.kid === undefined ? undefined : JSON.parse(members.kid)
  if (kid === "enc-key" || kid === "wrap-key") recipe.key = kid
  if (members.alg === '"ES256"' && recipe.key === "k1") signedBy(recipe, "k2")
}

function readPayload(recipe: Recipe, input: string): string | false {
  const read = readMembers(input)
  if (!read) return false
  const known = recipe.claims.filter((pair): pair is [string, string] => pair[1] !== null)
  recipe.payload = jsonOf([...known, ...Object.entries(read.value)])
  return read.rest
}

function readMember(recipe: Recipe, words: RegExpExecArray): string | false {
  const read = readValue(words.input.slice(words[0].length))
  if (!read) return false
  if (OF_HEADER.has(words[1]!)) recipe.header[words[1]!] = read.value
  else claim(recipe, words[1]!, read.value)
  return read.rest
}

function large(recipe: Recipe, [, count, unit]: RegExpExecArray): undefined {
  const bytes = Number(count) * (unit!.toLowerCase() === "mib" ? MIB : 1024)
  claim(recipe, "padding", text("x".repeat(Math.ceil((bytes * 3) / 4))))
}

/** The same bytes in other base64: padded, with the other alphabet, and with bits set that no byte has. */
function respelled(token: string): string[] {
  const parts = token.split(".")
  const padded = parts.map((part) => part.padEnd(Math.ceil(part.length / 4) * 4, "=")).join(".")
  const plus = token.replaceAll("-", "+").replaceAll("_", "/")
  return [...new Set([padded, plus, `${token}=`, withTrailingBits(token)])].filter((one) => one !== token)
}

const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

/** The last character of a 256-byte signature carries two bits, the other four must be zero. */
function withTrailingBits(token: string): string {
  return `${token.slice(0, -1)}${BASE64URL[BASE64URL.indexOf(token.at(-1)!) + 1]}`
}

function tampered(token: string): string[] {
  return [-2, -10, -100].map((at) => {
    const index = token.length + at
    return `${token.slice(0, index)}${token[index] === "A" ? "B" : "A"}${token.slice(index + 1)}`
  })
}
