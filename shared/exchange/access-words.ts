/** Access policies and their conditions in words. */
import { claimAt, type Subject } from "#shared/identity/access-condition.ts"
import type { Attribute, Condition, Conditions, PolicyRule } from "#shared/model/access-policy.ts"
import { namespaceOf } from "#shared/model/names.ts"
import { formatMemberPath } from "#shared/std/member-path.ts"

const SHOWN_MAX = 4
const VALUE_CHARS_MAX = 80

/** `from service default/shop; to method GET, path /orders or /orders/*`. */
export function describePolicyRule({ from, to, when }: PolicyRule): string {
  const parts = [
    from.length === 0 ? undefined : `from ${from.map(describeAll).join(", or ")}`,
    to.length === 0 ? undefined : `to ${to.map(describeAll).join(", or ")}`,
    when.length === 0 ? undefined : `when ${describeAll(when)}`,
  ].filter((part) => part !== undefined)
  return parts.length === 0 ? "every request" : parts.join("; ")
}

/** `the path is "/x", and must be "/orders" or "/orders/*"`. */
export function describeFailure(condition: Condition, subject: Subject): string {
  const { on, values, not } = condition
  if (on.by === "unknowable") return "it asks for what a mesh of Workers cannot know"
  const found = valuesOf(on, subject)
  const noun = nounOf(on)
  if (found === undefined)
    return `there is no ${noun}, and there must be one that is ${not ? "not " : ""}${listed(values)}`
  return `the ${noun} is ${listed(found)}, and must ${not ? "not be" : "be"} ${listed(values)}`
}

function describeAll(conditions: Conditions): string {
  return conditions.map(({ on, values, not }) => `${nounOf(on)} ${not ? "not " : ""}${listed(values)}`).join(", ")
}

function nounOf(on: Attribute): string {
  switch (on.by) {
    case "service":
      return "calling service"
    case "namespace":
      return "caller's namespace"
    case "workload":
      return "caller's principal"
    case "trustDomain":
      return "caller's trust domain"
    case "principal":
      return "end user"
    case "audience":
      return "token's audience"
    case "presenter":
      return "token's presenter"
    case "claim":
      return `claim ${formatMemberPath(on.path)}`
    case "key":
      return "API key"
    case "keyOwner":
      return "API key's owner"
    case "keyScope":
      return "API key's scope"
    case "address":
      return "client's address"
    case "rpc":
      return "RPC method"
    case "header":
      return `header ${on.name}`
    case "unknowable":
      return "something unknowable"
    default:
      return on.by
  }
}

function valuesOf(on: Attribute, { principals, gateway, http, rpc }: Subject): readonly string[] | undefined {
  const { caller, user, key, address } = principals
  const one = (value: string | undefined | null) => (value === undefined || value === null ? undefined : [value])
  switch (on.by) {
    case "service":
    case "workload":
    case "trustDomain":
      return one(caller)
    case "namespace":
      return one(caller && namespaceOf(caller))
    case "gateway":
      return one(gateway)
    case "principal":
      return one(user && user.subject !== "" ? `${user.issuer}/${user.subject}` : undefined)
    case "audience":
      return user?.audiences
    case "presenter":
      return one(user?.presenter)
    case "claim":
      return user && claimAt(user.claims, on.path)
    case "key":
      return one(key?.id)
    case "keyOwner":
      return one(key?.owner)
    case "keyScope":
      return key?.scopes
    case "address":
      return one(address)
    case "rpc":
      return one(rpc)
    case "port":
      return one(http && String(http.port))
    case "host":
    case "method":
    case "path":
      return one(http?.[on.by])
    case "header":
      return one(http?.headers.get(on.name))
    case "unknowable":
      return undefined
  }
}

function listed(values: readonly string[]): string {
  if (values.length === 0) return "empty"
  const shown = values.slice(0, SHOWN_MAX).map(shortened)
  return `${shown.join(" or ")}${values.length > SHOWN_MAX ? ` or ${values.length - SHOWN_MAX} more` : ""}`
}

function shortened(value: string): string {
  return JSON.stringify(value.length > VALUE_CHARS_MAX ? `${value.slice(0, VALUE_CHARS_MAX)}…` : value)
}
