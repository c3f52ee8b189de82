/** What Envoy's configurations change of headers, and how they write durations. */
import type { FilterDocument, HeaderChangeDocument } from "#shared/model/document.ts"
import { formatDuration } from "#shared/std/duration.ts"
import type { EnvoyAsked } from "./envoy-routes.ts"
import { type Fields, list, record } from "./gateway-api.ts"
import { type Doubt, unknownIn } from "./translation.ts"

export const OF_HEADERS = [
  "request_headers_to_add",
  "request_headers_to_remove",
  "response_headers_to_add",
  "response_headers_to_remove",
]

export function headerFilters(level: Fields, doubts: Doubt<EnvoyAsked>[]): FilterDocument[] {
  const request = changeOf(level.request_headers_to_add, level.request_headers_to_remove, doubts)
  const response = changeOf(level.response_headers_to_add, level.response_headers_to_remove, doubts)
  return [
    ...request.map((requestHeaders) => ({ requestHeaders })),
    ...response.map((responseHeaders) => ({ responseHeaders })),
  ]
}

/** Envoy removes first, then adds one after the other. */
function changeOf(added: unknown, removed: unknown, doubts: Doubt<EnvoyAsked>[]): HeaderChangeDocument[] {
  const changes: HeaderChangeDocument[] = removed === undefined ? [] : [{ remove: list(removed).map(String) }]
  for (const { header, append_action: action = "APPEND_IF_EXISTS_OR_ADD", append, ...others } of list(added).map(
    record,
  )) {
    const { key, value } = record(header)
    doubts.push(...unknownIn(others, [], "an added header"))
    if (/%[^%]/.test(String(value))) doubts.push("the value of a header is a text; it fills in nothing of the request")
    const kind = append === false ? "OVERWRITE_IF_EXISTS_OR_ADD" : action
    if (kind === "APPEND_IF_EXISTS_OR_ADD") changes.push({ add: { [String(key)]: String(value) } })
    else if (kind === "OVERWRITE_IF_EXISTS_OR_ADD") changes.push({ set: { [String(key)]: String(value) } })
    else if (kind === "ADD_IF_ABSENT") changes.push({ default: { [String(key)]: String(value) } })
    else doubts.push(`no header is changed by ${String(kind)}`)
  }
  return changes
}

/** 0 is no limit. */
export function timeoutOf(timeout: unknown): string | undefined {
  const ms = durationMs(timeout)
  return ms === undefined || ms === 0 ? undefined : formatDuration(ms)
}

/** `"30s"`, or `{ seconds, nanos }`. */
export function durationMs(duration: unknown): number | undefined {
  if (typeof duration === "string") return Math.round(Number(duration.replace(/s$/, "")) * 1000)
  if (duration === undefined) return undefined
  const { seconds = 0, nanos = 0 } = record(duration)
  return Number(seconds) * 1000 + Math.round(Number(nanos) / 1_000_000)
}
