/** Istio's objects in one line each, and a mesh to put them in. */
import { meshOf } from "#test/shared/dialects/gateway-api/mesh-of.ts"

/** `shop` has `orders` and `users`, `other` has `orders` and the gateway `front`. */
export const WORLD = `
namespace: shop
services: { orders: {}, users: {} }
---
namespace: other
services: { orders: {} }
gateways: { front: { listeners: [{ name: any }] } }`

export function policy(spec: string, { name = "p", namespace = "shop", metadata = "" } = {}): string {
  return object("AuthorizationPolicy", spec, name, namespace, metadata)
}

export function authentication(spec: string, { name = "a", namespace = "shop" } = {}): string {
  return object("RequestAuthentication", spec, name, namespace, "")
}

export function worldWith(...objects: readonly string[]) {
  return meshOf([WORLD, ...objects].join("\n---\n"))
}

export function world(...objects: readonly string[]): string {
  return [WORLD, ...objects].join("\n---\n")
}

function object(kind: string, spec: string, name: string, namespace: string, metadata: string): string {
  return `apiVersion: security.istio.io/v1
kind: ${kind}
metadata: { name: ${name}, namespace: ${namespace}${metadata && `, ${metadata}`} }
spec: ${spec}`
}
