/** Istio's names of what conditions look at. */
import { checkHeaderName } from "#shared/config/checks.ts"
import type { Attribute } from "#shared/model/access-policy.ts"

const KNOWN: { readonly [key: string]: Attribute } = {
  "source.namespace": { by: "namespace" },
  "source.principal": { by: "workload" },
  "source.trustDomain": { by: "trustDomain" },
  // The address of the peer: of public traffic, whom the edge talked to.
  "source.ip": { by: "address" },
  "remote.ip": { by: "address" },
  "request.auth.principal": { by: "principal" },
  "request.auth.audiences": { by: "audience" },
  "request.auth.presenter": { by: "presenter" },
  "destination.port": { by: "port" },
  "destination.ip": { by: "unknowable" },
  "connection.sni": { by: "unknowable" },
}

export const ATTRIBUTES: readonly string[] = [
  ...Object.keys(KNOWN),
  "request.headers[name]",
  "request.auth.claims[name]",
]

/** Undefined for what Istio does not know either. */
export function attributeOf(key: string): Attribute | undefined {
  if (Object.hasOwn(KNOWN, key)) return KNOWN[key]
  if (key.startsWith("experimental.envoy.filters.")) return { by: "unknowable" }
  const [, header] = /^request\.headers\[([^[\]]+)\]$/.exec(key) ?? []
  if (header !== undefined) return checkHeaderName(header) ? undefined : { by: "header", name: header.toLowerCase() }
  const [, claims] = /^request\.auth\.claims((?:\[[^[\]]+\])+)$/.exec(key) ?? []
  return claims === undefined ? undefined : { by: "claim", path: claims.split(/[[\]]+/).filter((part) => part !== "") }
}
