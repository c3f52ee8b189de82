/** The way to an endpoint: past its binding or to its URL, with a word on who calls where the endpoint is to be told. */
import type { Entrance } from "#shared/exchange/decide.ts"
import type { Endpoint } from "#shared/model/service.ts"
import { type EndpointIdentity, HEALTH_WORKLOAD, type Workload } from "#shared/model/workload-identity.ts"
import type { Destination, Mesh } from "./mesh.ts"

/** Why a request was not sent: the upstream is to know who calls, and nobody could be found to say so. */
export class Unidentified extends Error {
  override readonly name = "Unidentified"
}

/** `from`: the door that the request came through; undefined for the mesh's own. Undefined when the proxy has no way there. */
export function reach(
  endpoint: Endpoint,
  from: Entrance | undefined,
  mesh: Pick<Mesh, "destination" | "svids" | "waitUntil">,
): Destination | undefined {
  const destination = mesh.destination(endpoint)
  if (!destination || endpoint.kind !== "url" || !endpoint.identity) return destination
  return identified(destination, endpoint.identity, workloadOf(from), mesh)
}

function workloadOf(entrance: Entrance | undefined): Workload {
  if (!entrance) return HEALTH_WORKLOAD
  if (entrance.at === "service") return entrance.peer.from
  const [namespace, name] = entrance.gateway.split("/")
  return `${namespace}/gateway/${name}`
}

function identified(
  destination: Destination,
  identity: EndpointIdentity,
  workload: Workload,
  mesh: Pick<Mesh, "svids" | "waitUntil">,
): Destination {
  return {
    async fetch(input, init) {
      const request = input as Request
      // Nobody else may say it.
      request.headers.delete(identity.header)
      const token = await mesh.svids.token(workload, identity, mesh)
      if (token !== undefined) {
        request.headers.set(identity.header, identity.header === "authorization" ? `Bearer ${token}` : token)
      } else if (identity.whenUnavailable === "deny") throw new Unidentified()
      return destination.fetch(request, init)
    },
  }
}
