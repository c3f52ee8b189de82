/** Exchanges as lines. */
import type { TappedExchange } from "#shared/model/tap.ts"
import { type Paint, plain } from "./output.ts"
import { serviceText } from "./stats-text.ts"

/** `12:00:01.123  GET /shop.json  public → storefront  200  12ms  default/shop/0  0af7…`. */
export function tapLine(exchange: TappedExchange, paint: Paint): string {
  const {
    atMs,
    durationMs,
    protocol,
    from,
    to,
    subset,
    rule,
    method,
    path,
    status,
    refusal,
    attempts,
    traceId,
    header,
  } = exchange
  const asked = plain(protocol === "rpc" ? `${method}()` : `${method} ${path ?? ""}`)
  const target = `${to === undefined ? "nobody" : serviceText(to)}${subset === undefined ? "" : `/${subset}`}`
  const answer = refusal === undefined ? String(status) : `${status} ${refusal}`
  const parts = [
    paint("dim", new Date(atMs).toISOString().slice(11, 23)),
    asked,
    `${serviceText(from ?? "public")} -> ${target}`,
    paint(status >= 500 ? "red" : status >= 400 ? "yellow" : "green", answer),
    `${durationMs}ms`,
    ...(attempts > 1 ? [`${attempts} attempts`] : []),
    ...(rule === undefined ? [] : [rule]),
    ...(header === undefined ? [] : [plain(JSON.stringify(header))]),
    paint("dim", traceId),
  ]
  return parts.join("  ")
}
