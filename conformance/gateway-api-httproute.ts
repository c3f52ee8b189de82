/** `gateway_api_httproute.json`: requests from outside, through the listeners of gateways. */
import type { Door, Form } from "./form.ts"
import { type GatewayApiCase, type GatewayApiTest, isTestList, list, readTests, record, text } from "./gateway-api.ts"
import type { KubernetesObject } from "./pods.ts"

export const httpRouteForm: Form = {
  name: "Gateway API HTTPRoute",
  takes: (file, content) => isTestList(content) && /httproute/i.test(file) && !/mesh/i.test(file),
  read: (content) => readTests(content as GatewayApiTest[], () => ({ doors: gatewayDoors })),
}

/** By the ports of the listeners that the case names, else by the first one of the request's scheme. */
export function gatewayDoors(
  _: GatewayApiTest,
  one: GatewayApiCase,
  objects: readonly KubernetesObject[],
): readonly Door[] | string {
  if (one.gateway === undefined) return "it names no gateway"
  const gateway = one.gateway.includes("/") ? one.gateway : `default/${one.gateway}`
  const object = objects.find(
    ({ kind, metadata }) => kind === "Gateway" && `${metadata.namespace ?? "default"}/${metadata.name}` === gateway,
  )
  const listeners = object?.spec?.listeners ?? []
  const names = list(one.listeners).map((listener) => text(listener) ?? text(record(listener).name))
  const named = listeners.filter(({ name }) => names.includes(name))
  const protocol = text(one.request?.scheme) === "https" ? "HTTPS" : "HTTP"
  const ofScheme = listeners.filter((listener) => listener.protocol === protocol).slice(0, 1)
  const chosen = named.length > 0 ? named : ofScheme
  const ports = [...new Set(chosen.map(({ port }) => port))]
  if (ports.length === 0) ports.push(protocol === "HTTPS" ? 443 : 80)
  return ports.map((port) => ({ at: "gateway", gateway, port }))
}
