/** Requests and policies for tests, from what a test cares about. */

import type { Subject } from "#shared/identity/access-condition.ts"
import type { AccessPolicy, Attribute, Condition, PolicyRule } from "#shared/model/access-policy.ts"
import { type GatewayId, gatewayId, policyId, type ServiceId } from "#shared/model/names.ts"
import type { Claims, EndUser, KeyHolder } from "#shared/model/principal.ts"
import type { Place, Target } from "#shared/model/target.ts"

export interface Told {
  readonly from?: string
  readonly gateway?: string
  readonly method?: string
  readonly host?: string
  readonly port?: number
  readonly path?: string
  readonly headers?: readonly (readonly [string, string])[]
  readonly rpc?: string
  readonly user?: string
  readonly claims?: Claims
  readonly audiences?: readonly string[]
  readonly presenter?: string
  readonly key?: KeyHolder
  readonly address?: string
}

/** `user: "issuer subject"`. */
export function aSubject(told: Told = {}): Subject {
  const { from, gateway, method = "GET", host = "orders.default", port = 80, path = "/", headers = [], rpc } = told
  const [issuer = "", subject = ""] = told.user?.split(" ") ?? []
  const user: EndUser | undefined =
    told.user === undefined && !told.claims && !told.audiences && told.presenter === undefined
      ? undefined
      : { issuer, subject, audiences: told.audiences ?? [], presenter: told.presenter, claims: told.claims ?? {} }
  return {
    principals: { caller: from as ServiceId | undefined, user, key: told.key, address: told.address },
    gateway: gateway as GatewayId | undefined,
    http:
      rpc === undefined ? { method, host, port, path, headers: new Headers(headers as [string, string][]) } : undefined,
    rpc,
  }
}

export const ORDERS: Place = { at: "service", service: "default/orders" as ServiceId }
export const FRONT: Place = { at: "gateway", gateway: gatewayId("default", "default") }
export const EVERYTHING: Target = { of: "mesh" }

/** `on("path", "/a*")`, `on("!path", "/a*")`, `on("header x-role", "admin")`, `on("claim a b", "x")`. */
export function on(attribute: string, ...values: string[]): Condition {
  const not = attribute.startsWith("!")
  const [by = "", ...rest] = attribute.replace(/^!/, "").split(" ")
  const named = by === "header" ? { by, name: rest[0]! } : by === "claim" ? { by, path: rest } : { by }
  return { on: named as Attribute, values, ...(not && { not: true }) }
}

export function aRule({ from = [], to = [], when = [] }: Partial<PolicyRule> = {}): PolicyRule {
  return { from, to, when }
}

/** A rule that takes requests that meet these conditions. */
export function taking(...when: Condition[]): PolicyRule {
  return aRule({ when })
}

export function aPolicy(action: "allow" | "deny" | "audit", name: string, ...rules: PolicyRule[]): AccessPolicy {
  return { id: policyId("default", name), target: EVERYTHING, action, rules }
}
