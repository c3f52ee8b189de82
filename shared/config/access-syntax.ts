/** How values and attributes are written in access policies, and what is meant by them. */
import type { PolicyPathDocument } from "#shared/model/access-document.ts"
import type { Attribute } from "#shared/model/access-policy.ts"
import { isLabel } from "#shared/model/names.ts"
import { formatNetwork, parseNetwork } from "#shared/std/ip.ts"
import { parseMemberPath } from "#shared/std/member-path.ts"
import { canonicalPath } from "#shared/std/path.ts"
import { pathPatternFault } from "#shared/std/path-pattern.ts"
import { checkHeaderName, checkMethod } from "./checks.ts"
import { type Check, type Complaint, complain, didYouMean, hintFrom, quote } from "./complaint.ts"
import { checkPath, checkTemplate } from "./path-syntax.ts"

/** A star stands at one end, or alone. */
export function checkPattern(text: string): Complaint | undefined {
  if (text === "*" || !text.slice(1).slice(0, -1).includes("*")) {
    const both = text.length > 1 && text.startsWith("*") && text.endsWith("*")
    return both ? starComplaint(text) : undefined
  }
  return starComplaint(text)
}

function starComplaint(text: string): Complaint {
  const message = `In ${quote(text)} a "*" stands where it means nothing`
  return complain("bad-pattern", message, 'write it at the beginning or at the end: "get*", "*.css"')
}

export function checkFilledPattern(text: string): Complaint | undefined {
  return text === "" ? complain("empty-value", "An empty text matches nothing here") : checkPattern(text)
}

/** `orders`, `team-a/orders`, `team-a/*`, `*`: who means several services says in which namespaces. */
export function checkServicePattern(text: string): Complaint | undefined {
  if (text === "*") return undefined
  const parts = text.split("/")
  const isName = (part: string) => isLabel(part) || part === "*" || isLabel(part.replace(/^\*|\*$/, "x"))
  const named = text.includes("*") ? parts.length === 2 : parts.length <= 2
  if (named && parts.every(isName) && !checkPattern(text)) return undefined
  return complain("bad-reference", `${quote(text)} must be "name", "namespace/name", "namespace/*" or "*"`)
}

export function checkNamespacePattern(text: string): Complaint | undefined {
  if (text === "*" || isLabel(text) || (!checkPattern(text) && isLabel(text.replace(/^\*|\*$/, "x")))) return undefined
  return complain("bad-reference", `${quote(text)} must be a namespace, "prefix*" or "*suffix"`)
}

/** `<issuer>/<subject>`, with a star at an end. */
export function checkPrincipal(text: string): Complaint | undefined {
  const malformed = checkFilledPattern(text)
  if (malformed || text.startsWith("*")) return malformed
  const slash = text.lastIndexOf("/")
  const issuer = text.slice(0, Math.max(slash, 0))
  const subject = text.slice(slash + 1)
  // What ends in "//" is the beginning of a URL, and the last slash stands within the issuer.
  if (slash > 0 && subject !== "" && !issuer.endsWith("/") && !/^[a-z]+:$/.test(issuer)) return undefined
  const message = `${quote(text)} names no subject: an end user is "<issuer>/<subject>"`
  return complain("bad-principal", message, didYouMean(`${text.replace(/[*/]*$/, "")}/*`))
}

export function checkNetwork(text: string): Complaint | undefined {
  const network = parseNetwork(text)
  if (!network) {
    return complain(
      "bad-address",
      `${quote(text)} is no IP address or network`,
      'write it like "10.0.0.0/8" or "2001:db8::1"',
    )
  }
  const [written = "", bits] = text.split("/")
  const whole = parseNetwork(written)
  if (bits === undefined || formatNetwork(whole!).split("/")[0] === formatNetwork(network).split("/")[0])
    return undefined
  const near = formatNetwork(network)
  return complain("bad-address", `${quote(text)} has bits beyond its prefix`, didYouMean(near))
}

export function checkHostPattern(text: string): Complaint | undefined {
  if (/^[A-Za-z0-9.*-]{1,253}(:([0-9]{1,5}|\*))?$/.test(text)) return checkPattern(text)
  return complain(
    "bad-hostname",
    `${quote(text)} must be a host, "*.suffix" or "prefix*"`,
    'a port may follow: "shop.test:8080"',
  )
}

export function checkMethodPattern(text: string): Complaint | undefined {
  return text.includes("*") ? checkPattern(text) : checkMethod(text)
}

export function checkRpcPattern(text: string): Complaint | undefined {
  if (/^[A-Za-z0-9_$.*]{1,255}$/.test(text)) return checkPattern(text)
  return complain("bad-rpc-method", `${quote(text)} must be a method's name, or "get*"`)
}

export function checkPortText(text: string): Complaint | undefined {
  const port = Number(text)
  if (/^[1-9][0-9]{0,4}$/.test(text) && port <= 65_535) return undefined
  return complain("bad-port", `${quote(text)} is no port`)
}

/** A path as a string. */
export function checkPathPattern(text: string): Complaint | undefined {
  if (text === "*") return undefined
  if (/[{}]/.test(text)) return checkTemplatePattern(text)
  const malformed = checkPattern(text)
  if (malformed) {
    const hint = text.includes("/*/") ? didYouMean(text.replaceAll("/*/", "/{*}/")) : malformed.hint
    return complain(malformed.rule, malformed.message, hint)
  }
  if (text.startsWith("*")) {
    const complaint = checkCanonical(`/x${text.slice(1)}`)
    return complaint && complain(complaint.rule, `${quote(text)} is not in the form that requests are matched in`)
  }
  if (!text.endsWith("*")) return checkPath(text)
  // Whatever follows decides what the end of a prefix is: dots are no dot segment yet.
  return checkPath(`${text.slice(0, -1)}x`) && (checkPath(text.slice(0, -1)) ?? checkPath(`${text.slice(0, -1)}x`))
}

function checkTemplatePattern(text: string): Complaint | undefined {
  const pattern = templatePattern(text)
  const fault = pathPatternFault(pattern)
  if (fault !== undefined) return complain("bad-template", `In the template ${quote(text)}, ${fault}`)
  return checkPath(pattern.replaceAll(/\{\*{1,2}\}/g, "x"))
}

function checkCanonical(text: string): Complaint | undefined {
  return canonicalPath(text) === text ? undefined : complain("path-not-canonical", "")
}

/** `/users/{id}/{rest=**}`, as routes have it, in Istio's words. */
function templatePattern(template: string): string {
  return template.replace(/\{[A-Za-z][A-Za-z0-9_-]{0,63}(=\*{1,2})?\}/g, (_, stars: string | undefined) =>
    stars === "=**" ? "{**}" : "{*}",
  )
}

/** Each form of a path as patterns. */
export function pathPatterns(path: PolicyPathDocument): readonly string[] {
  if (typeof path === "string") return [templatePattern(path)]
  if ("exact" in path) return [path.exact.replaceAll("*", "%2A")]
  if ("template" in path) {
    const segments = path.template.split("/").map((part) => (part === "*" || part === "**" ? `{${part}}` : part))
    return [templatePattern(segments.join("/"))]
  }
  const bare = path.prefix.replaceAll("*", "%2A").replace(/\/$/, "")
  return bare === "" ? ["*"] : [bare, `${bare}/*`]
}

export const PATH_FORMS = { exact: checkPath, prefix: checkPath, template: checkTemplate } as const

export function checkClaim(text: string): Complaint | undefined {
  const path = parseMemberPath(text)
  // The dots of a URL part nothing.
  if (path && !/^[a-z]+:\/\//.test(text)) return undefined
  const hint = path
    ? didYouMean(`[${text}]`)
    : 'write it like "groups", "realm_access.roles" or "[https://example.com/roles]"'
  return complain("bad-claim", `${quote(text)} is not the way to a claim`, hint)
}

const KEYS: { readonly [key: string]: Attribute } = {
  "request.method": { by: "method" },
  "request.path": { by: "path" },
  "request.host": { by: "host" },
  "request.rpc": { by: "rpc" },
  "request.auth.principal": { by: "principal" },
  "request.auth.audiences": { by: "audience" },
  "request.auth.presenter": { by: "presenter" },
  "request.key": { by: "key" },
  "request.key.owner": { by: "keyOwner" },
  "request.key.scopes": { by: "keyScope" },
  "source.service": { by: "service" },
  "source.namespace": { by: "namespace" },
  "source.principal": { by: "workload" },
  "source.trustDomain": { by: "trustDomain" },
  "source.gateway": { by: "gateway" },
  "remote.ip": { by: "address" },
  "destination.port": { by: "port" },
}

/** What the key of a condition means. */
export function readKey(key: string): Attribute | Complaint {
  const known = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined
  if (known) return known
  const [, header] = /^request\.headers\[([^[\]]+)\]$/.exec(key) ?? []
  if (header !== undefined) return checkHeaderName(header) ?? { by: "header", name: header.toLowerCase() }
  const [, claims] = /^request\.auth\.claims((?:\[[^[\]]+\])+)$/.exec(key) ?? []
  if (claims !== undefined) return { by: "claim", path: claims.split(/[[\]]+/).filter((part) => part !== "") }
  const forms = [...Object.keys(KEYS), "request.headers[name]", "request.auth.claims[name]"]
  return complain(
    "unknown-attribute",
    `${quote(key)} is nothing that a condition can look at`,
    hintFrom(key, "keys", forms),
  )
}

const CHECKS: { readonly [by in Attribute["by"]]?: Check } = {
  service: checkServicePattern,
  namespace: checkNamespacePattern,
  principal: checkPrincipal,
  address: checkNetwork,
  host: checkHostPattern,
  method: checkMethodPattern,
  path: checkPathPattern,
  rpc: checkRpcPattern,
  port: checkPortText,
  gateway: checkServicePattern,
  header: checkPattern,
}

/** One value of an attribute. */
export function checkValue({ by }: Attribute, text: string): Complaint | undefined {
  return (CHECKS[by] ?? checkFilledPattern)(text)
}
