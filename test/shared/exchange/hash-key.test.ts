import { describe, expect, it } from "vitest"
import { hashKeyOf } from "#shared/exchange/decide.ts"
import type { ServiceId } from "#shared/model/names.ts"
import type { Service } from "#shared/model/service.ts"
import type { HashKey } from "#shared/model/upstream-policy.ts"

const id = "default/orders" as ServiceId
const head = {
  method: "GET",
  path: "/",
  rawQuery: "",
  host: "",
  headers: new Headers({ "x-tenant": "acme", cookie: "a=1; sid=s7" }),
  caller: "default/shop",
  rpc: undefined,
  dice: 0,
} as never

function keyBy(key: HashKey | undefined) {
  const service: Service = {
    id,
    endpoints: [],
    subsets: {},
    ...(key && { policy: { balancer: { kind: "hash" as const, key } } }),
  }
  return hashKeyOf(new Map([[id, service]]), { service: id }, head)
}

describe("what a hashing balancer goes by", () => {
  it.each<[HashKey | undefined, string | null]>([
    [{ by: "header", name: "x-tenant" }, "acme"],
    [{ by: "header", name: "x-other" }, null],
    [{ by: "cookie", name: "sid" }, "s7"],
    [{ by: "cookie", name: "other" }, null],
    [{ by: "caller" }, "default/shop"],
    [undefined, null],
  ])("is %j: %j", (key, expected) => {
    expect(keyBy(key)).toBe(expected)
  })
})
