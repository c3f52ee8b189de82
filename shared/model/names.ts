/**
 * The names of things. Every name lives in a namespace; an id is `<namespace>/<name>` and is the only form that
 * crosses a module's boundary, so that two services of the same name can never be taken for one another.
 */

declare const brand: unique symbol
type Branded<T, B extends string> = T & { readonly [brand]: B }

/** `default`, `team-a`: lower-case letters, digits and dashes (RFC 1123 label, at most 63 characters). */
export type Namespace = Branded<string, "Namespace">
/** The id of a service, for example `default/orders`. */
export type ServiceId = Branded<string, "ServiceId">
/** The name of a subset within its service, for example `v2`. */
export type SubsetName = Branded<string, "SubsetName">
/** The id of a route, for example `default/shop`. */
export type RouteId = Branded<string, "RouteId">
/** The id of a rule within its route, for example `default/shop/checkout` or, unnamed, `default/shop/0`. */
export type RuleId = Branded<string, "RuleId">
/** The id of a gateway, for example `default/default`. */
export type GatewayId = Branded<string, "GatewayId">
/** The id of an authentication, for example `default/web`. */
export type AuthenticationId = Branded<string, "AuthenticationId">

/** The id of an access policy, for example `default/orders-callers`. */
export type PolicyId = Branded<string, "PolicyId">

/** The id of a service level objective, for example `default/orders-available`. */
export type SloId = Branded<string, "SloId">

export const DEFAULT_NAMESPACE = "default" as Namespace
/** The gateway that exists without being declared: every host, every port. */
export const DEFAULT_GATEWAY = "default/default" as GatewayId

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/** Whether `text` is an RFC 1123 label: what names and namespaces are made of. */
export function isLabel(text: string): boolean {
  return LABEL.test(text)
}

export function serviceId(namespace: string, name: string): ServiceId {
  return `${namespace}/${name}` as ServiceId
}

export function routeId(namespace: string, name: string): RouteId {
  return `${namespace}/${name}` as RouteId
}

export function gatewayId(namespace: string, name: string): GatewayId {
  return `${namespace}/${name}` as GatewayId
}

export function authenticationId(namespace: string, name: string): AuthenticationId {
  return `${namespace}/${name}` as AuthenticationId
}

export function policyId(namespace: string, name: string): PolicyId {
  return `${namespace}/${name}` as PolicyId
}

export function sloId(namespace: string, name: string): SloId {
  return `${namespace}/${name}` as SloId
}

/** The namespace part of any id. */
export function namespaceOf(id: ServiceId | RouteId | GatewayId): Namespace {
  return id.slice(0, id.indexOf("/")) as Namespace
}

/** The name part of any id, without its namespace. */
export function nameOf(id: ServiceId | RouteId | GatewayId): string {
  return id.slice(id.indexOf("/") + 1)
}
