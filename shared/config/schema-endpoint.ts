/** The shape of places to send to in documents. */
import * as z from "zod"
import type { SubsetDocument } from "#shared/model/document.ts"
import type * as E from "#shared/model/endpoint-document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { HEADER } from "#shared/protocol/headers.ts"
import * as check from "./checks.ts"
import { type Complaint, complain, quote } from "./complaint.ts"
import { conflict, list, object, optional, text } from "./schema-kit.ts"
import { sharedEndpointShape } from "./schema-upstream.ts"
import { checkUrl } from "./url.ts"

function checkAudience(written: string): Complaint | undefined {
  if (/^[\x21-\x7e]+$/.test(written) && written.length <= LIMITS.audienceCharsMax) return undefined
  return complain("bad-audience", `${quote(written)} must be printable ASCII without spaces`)
}

/** Of what the mesh itself says only this one can be chosen. */
function checkIdentityHeader(written: string): Complaint | undefined {
  return written.toLowerCase() === HEADER.identity ? undefined : check.checkChangedHeader(written)
}

const identity = object<E.IdentityDocument>("Identity", {
  audience: optional(text(checkAudience), "Whom the token is for, `aud`. Default: the origin of `url`."),
  header: optional(
    text(checkIdentityHeader),
    "The header that it travels in. Default `weft-identity`; in `authorization` it stands after `Bearer`.",
  ),
  whenUnavailable: optional(
    z.enum(["allow", "deny"]),
    "What becomes of requests when no token can be had. Default `deny`.",
  ),
})

const version = object<NonNullable<E.EndpointDocument["version"]>>("Version", {
  worker: text(check.checkWorker),
  id: text(check.checkVersionId),
})

export const endpointShape = {
  binding: optional(
    text(check.checkBinding),
    "Name of a service binding in the proxy's wrangler config; with `worker`, of a dispatch namespace binding.",
  ),
  url: optional(text(checkUrl)),
  identity: optional(identity, "Tells the server at `url` who calls, by a signed token."),
  mtls: optional(
    text(check.checkBinding),
    "Name of a binding of the proxy that presents a client certificate to the server at `url`.",
  ),
  worker: optional(text(check.checkWorker), "Name of a Worker in the dispatch namespace `binding`."),
  version: optional(version, "A version of the Worker with gradual deployments, for fetch only."),
}

function checkEndpoint(value: E.EndpointDocument): ReturnType<typeof conflict> {
  const excluded =
    conflict(value, ["url", "binding"]) ?? conflict(value, ["url", "worker"]) ?? conflict(value, ["url", "version"])
  if (excluded) return excluded
  const outside = ["identity", "mtls"].find((key) => key in value)
  if (outside && !("url" in value)) {
    return complain(
      "missing-key",
      `"${outside}" is for an upstream by "url"`,
      "inside the mesh, bindings say who calls",
    )
  }
  if (!("worker" in value)) return undefined
  if (!("binding" in value))
    return complain("missing-key", '"worker" needs "binding"', "name the dispatch namespace's binding")
  return conflict(value, ["worker", "version"])
}

/** A service or subset: one endpoint written directly, or a list. */
export function checkEndpoints(value: SubsetDocument): ReturnType<typeof conflict> {
  const direct = ["binding", "url", "identity", "mtls", "worker", "version"].find((key) => key in value)
  return direct && "endpoints" in value ? conflict(value, [direct, "endpoints"]) : checkEndpoint(value)
}

const endpoint = object<E.ListedEndpointDocument>("Endpoint", { ...endpointShape, ...sharedEndpointShape }, (value) =>
  ["binding", "url", "worker", "version"].some((key) => key in value)
    ? checkEndpoint(value)
    : complain("missing-key", 'One of "binding", "url" must be there'),
)
export const endpoints = optional(
  list(endpoint, { min: 1, max: LIMITS.endpointsMax }),
  "Several places that serve the same.",
)
