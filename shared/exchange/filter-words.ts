/** What filters do, in words. */
import type { LimitKey, RateLimit } from "#shared/model/rate-limit.ts"
import type { PathChange, QueryChange, Rewrite } from "#shared/model/rewrite.ts"
import type { Cors, Fault, Filter, HeaderChange } from "#shared/model/route.ts"
import type { RequestHead } from "#shared/routing/head.ts"
import { formatMemberPath } from "#shared/std/member-path.ts"
import { hideSecret } from "#shared/std/secret.ts"
import { limitCost } from "./limit-key.ts"

/** A filter's effect, where no request has to be looked at to tell it. */
export function describeFilter(filter: Filter): string {
  switch (filter.kind) {
    case "requestHeaders":
    case "responseHeaders":
      return describeHeaderChange(filter.change)
    case "rewrite":
      return describeRewrite(filter.rewrite)
    case "redirect":
      return `answers ${filter.redirect.status}`
    case "respond":
      return `answers ${filter.respond.status}`
    case "mirror":
      return `${percent(filter.mirror.percent)} of requests are also sent to ${backendName(filter.mirror.backend)}`
    case "cors":
      return describeCors(filter.cors)
    case "fault":
      return describeFault(filter.fault)
    case "limits":
      return `a body has at most ${filter.limits.bodyBytesMax} bytes`
  }
}

/** `per-caller: 100 requests in 60 s for each caller, 200 at once; this one takes 1`. */
export function describeLimit(limit: RateLimit, head: RequestHead): string {
  const { name, requests, perMs, burst, key, shadow } = limit
  const parts = key.map(describeKey)
  const each = parts.length === 0 ? "" : ` for each ${parts.join(" and ")}`
  const counted = shadow ? " (it only counts)" : ""
  return `${name}: ${requests} requests in ${perMs / 1000} s${each}, ${burst} at once; this one takes ${limitCost(limit, head)}${counted}`
}

function describeKey(part: LimitKey): string {
  if (part.by === "claim") return `claim ${formatMemberPath(part.way)}`
  return "name" in part ? `${part.by} ${part.name}` : part.by
}

/** `default/orders`, `default/orders/v2`: as `weft-debug` writes it. */
export function backendName({ service, subset }: { readonly service: string; readonly subset?: string }): string {
  return subset === undefined ? service : `${service}/${subset}`
}

function describeHeaderChange({
  set,
  add,
  remove,
  default: defaults = [],
}: HeaderChange | (QueryChange & { default?: never })): string {
  const parts = [
    ...remove.map((name) => `removes ${name}`),
    ...set.map(({ name, value }) => `sets ${name}: ${hideSecret(name, value)}`),
    ...add.map(({ name, value }) => `adds ${name}: ${hideSecret(name, value)}`),
    ...defaults.map(({ name, value }) => `sets ${name}: ${hideSecret(name, value)} where it is absent`),
  ]
  return parts.length === 0 ? "changes nothing" : parts.join(", ")
}

function describeRewrite({ host, path, query }: Rewrite): string {
  const parts = [
    host === undefined ? undefined : `host ${host}`,
    path && describePathChange(path),
    query && `query ${describeHeaderChange(query)}`,
  ]
  return parts.filter((part) => part !== undefined).join(", ") || "changes nothing"
}

function describePathChange(change: PathChange): string {
  const { kind, value } = change
  if (kind === "regex") return `path with ${value === "" ? "nothing" : value} for ${change.pattern}`
  return kind === "full" ? `path ${value}` : `path by ${kind} ${value}`
}

function describeCors({ origins, credentials }: Cors): string {
  return `browsers at ${origins.join(", ")} may read the answer${credentials ? ", with credentials" : ""}`
}

function describeFault({ delay, abort }: Fault): string {
  const parts = [
    delay && `${percent(delay.percent)} of requests wait ${delay.ms} ms`,
    abort && `${percent(abort.percent)} are answered ${abort.status}`,
  ]
  return parts.filter((part) => part !== undefined).join(", ") || "changes nothing"
}

function percent(value: number): string {
  return `${value} %`
}
