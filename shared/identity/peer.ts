/**
 * Who sent a request to the mesh. Public traffic is anybody. A peer inside the mesh is named by its binding's props,
 * which only who may deploy the caller can set: the platform vouches for them, nothing needs to be signed.
 */
import { isLabel, type ServiceId, serviceId } from "#shared/model/names.ts"

/** A binding's props: `{ from: "storefront", to: "orders" }`; names may carry a namespace: `team-a/checkout`. */
export interface SidecarPeer {
  readonly from: ServiceId
  /** Absent: the request's host names the service. */
  readonly to: ServiceId | undefined
}

/** Undefined when the props do not say who is calling: refuse, never treat as anonymous (rule S7). */
export function peerFromProps(props: unknown): SidecarPeer | undefined {
  if (typeof props !== "object" || props === null) return undefined
  const { from, to } = props as { from?: unknown; to?: unknown }
  const caller = parseServiceName(from, "default")
  if (!caller) return undefined
  if (to === undefined) return { from: caller, to: undefined }
  const addressed = parseServiceName(to, caller.slice(0, caller.indexOf("/")))
  return addressed && { from: caller, to: addressed }
}

/** A service by host: `orders` in the caller's own namespace, `orders.team-a` in another. */
export function serviceFromHost(host: string, caller: ServiceId): ServiceId | undefined {
  const [name, namespace, ...more] = host.split(".") as [string, ...string[]]
  if (more.length > 0 || !isLabel(name)) return undefined
  if (namespace === undefined) return serviceId(caller.slice(0, caller.indexOf("/")), name)
  return isLabel(namespace) ? serviceId(namespace, name) : undefined
}

function parseServiceName(text: unknown, namespace: string): ServiceId | undefined {
  if (typeof text !== "string") return undefined
  const slash = text.indexOf("/")
  const [space, name] = slash < 0 ? [namespace, text] : [text.slice(0, slash), text.slice(slash + 1)]
  return isLabel(space) && isLabel(name) ? serviceId(space, name) : undefined
}
