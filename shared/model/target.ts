/** Which traffic a security resource covers: that of the places it names, where a place is a gateway or a service. */
import type { GatewayId, Namespace, ServiceId } from "./names.ts"

export type Target =
  /** Every gateway and every service. */
  | { readonly of: "mesh" }
  /** Every service of one namespace, now and later; no gateway. */
  | { readonly of: "namespace"; readonly namespace: Namespace }
  /** At least one of them. Sorted. */
  | { readonly of: "places"; readonly services: readonly ServiceId[]; readonly gateways: readonly GatewayId[] }

/**
 * Where a request is judged. A gateway judges the public traffic that enters by it, as it came in; a service judges what is sent
 * to it, whoever sends it and whichever way it came.
 */
export type Place =
  | { readonly at: "gateway"; readonly gateway: GatewayId }
  | { readonly at: "service"; readonly service: ServiceId }
