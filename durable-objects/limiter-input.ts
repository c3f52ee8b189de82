/** What a limiter makes of what it is asked: one number that is none would stay in its bucket for ever. */
import { LIMITS } from "#shared/model/limits.ts"
import { filled, number, object, type Shape, text, whole } from "#shared/model/shape.ts"
import type { KeyedAsk, LeaseCall } from "#shared/protocol/limiter.ts"

const tokens = number(0, LIMITS.limitTokensMax)
const rate = object({
  requests: whole(1, LIMITS.limitTokensMax),
  perMs: number(1, LIMITS.limitPeriodMsMax),
  burst: whole(1, LIMITS.limitTokensMax),
})
/** Keys come as hashes. */
const key: Shape = (value) =>
  text(value) ?? ((value as string).length > LIMITS.limitKeyCharsMax ? "is too long" : undefined)
/** Totals since an isolate began. */
const account = object({
  id: (value) => filled(value) ?? key(value),
  number: whole(1, Number.MAX_SAFE_INTEGER),
  spent: number(0, Number.MAX_SAFE_INTEGER),
})
const ask = object({ key, want: tokens, least: tokens, debt: tokens, back: tokens }, { account })

/** Undefined stands for what cannot be asked: all of it where there is no rate to go by. Of what is beyond the limit nobody hears. */
export function admitAsks(call: LeaseCall): readonly (KeyedAsk | undefined)[] {
  const isRated = rate(call.rate) === undefined
  return call.asks.slice(0, LIMITS.limitAsksMax).map((one) => (isRated && ask(one) === undefined ? one : undefined))
}
