/** Istio's Gateway and VirtualService as the cases of authorization need them: hosts that lead to one service. */
import { labelOf } from "#shared/dialects/gateway-api/names.ts"
import type { Door } from "./form.ts"
import { list, record, text } from "./gateway-api.ts"
import type { IstioObject } from "./istio-applicable.ts"

/** Native documents; none where nothing comes from outside. */
export function ingressOf(objects: readonly IstioObject[]): object[] {
  const routes = objects.filter(({ kind }) => kind === "VirtualService").flatMap(routesOf)
  if (routes.length === 0) return []
  // The client's address is the last one in X-Forwarded-For: one trusted proxy stands before the ingress.
  const gateway = { listeners: [{ name: "any" }], clientAddress: { trustedHops: 1 } }
  return [{ gateways: { default: gateway } }, ...routes]
}

/** By the gateway that the objects name in the language of the Gateway API, else by the built-in one. */
export function ingressDoor(objects: readonly IstioObject[]): Door {
  const gateway = objects.find(({ apiVersion, kind }) => kind === "Gateway" && /^gateway\.networking/.test(apiVersion))
  if (!gateway) return { at: "gateway", gateway: "default/default", port: 80 }
  const { name, namespace = "default" } = gateway.metadata
  const [listener] = list(record(gateway.spec).listeners).map(record)
  return { at: "gateway", gateway: `${namespace}/${labelOf(name)}`, port: Number(listener?.port ?? 80) }
}

function routesOf({ metadata, spec }: IstioObject): object[] {
  const { hosts, http } = record(spec)
  const [first] = Array.isArray(http) ? (http as unknown[]) : []
  const [destination] = (record(first).route as unknown[] | undefined) ?? []
  const host = text(record(record(destination).destination).host)
  const [name, namespace] = host?.split(".") ?? []
  if (!Array.isArray(hosts) || name === undefined) return []
  const rules = [{ backends: [{ service: name }] }]
  return [{ namespace: namespace ?? metadata.namespace, routes: { [metadata.name]: { hosts, rules } } }]
}
