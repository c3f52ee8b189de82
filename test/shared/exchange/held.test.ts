import { expect, it } from "vitest"
import { compile } from "#shared/config/compile.ts"
import { Holdings, heldOtherwise, keyOfHeld } from "#shared/exchange/held.ts"

function held(rule: object, service: object = {}, id = "default/shop/pay") {
  const content = {
    services: { orders: service },
    routes: { shop: { hosts: ["shop.test"], rules: [{ name: "pay", ...rule, backends: [{ service: "orders" }] }] } },
  }
  const result = compile([], { documents: [{ source: "a", content }], prune: false, revision: 1 } as never)
  if ("problems" in result) throw new Error(JSON.stringify(result.problems))
  return new Holdings(result.snapshot).of(id, "default/orders")
}

const LIMIT = { name: "all", requests: 10, per: "1s" }

it.each([
  [{ timeout: "1s" }, { timeout: "3s" }, "timeout 1s", "timeout 3s"],
  [{ timeout: "1s" }, {}, "timeout 1s", "no timeout"],
  [
    { retry: { attempts: 2, on: ["5xx"] } },
    { retry: { attempts: 3, on: ["5xx", 429] } },
    "retry.attempts 2, retry.on 5xx",
    "retry.attempts 3, retry.on 5xx 429",
  ],
  [
    { rateLimits: [LIMIT] },
    { rateLimits: [{ ...LIMIT, requests: 5, burst: 10 }] },
    "rateLimits.all.requests 10",
    "rateLimits.all.requests 5",
  ],
])("%j and %j are told apart by what differs", (one, other, before, after) => {
  const [a, b] = [held(one), held(other)]
  expect([heldOtherwise(a, b), heldOtherwise(b, a)]).toEqual([before, after])
  expect(keyOfHeld(a)).not.toBe(keyOfHeld(b))
})

it("what is gone is told as a whole, and what is new in its figures, not all of them", () => {
  const [with_, without] = [held({ rateLimits: [LIMIT] }), held({})]
  expect(heldOtherwise(without, with_)).toBe("no rateLimits")
  expect(heldOtherwise(with_, without)).toMatch(/^rateLimits\.all\.\w+ .*, \d more$/)
})

it("a service's policy and places are part of it, also where no rule is", () => {
  const breaker = { breaker: { consecutive: 5 } }
  const [one, other] = [held({}, breaker), held({}, { breaker: { consecutive: 9 } })]
  expect([heldOtherwise(one, other), heldOtherwise(other, one)]).toEqual([
    "breaker.consecutive 5",
    "breaker.consecutive 9",
  ])
  const url = (identity: object) => ({ url: "https://orders.example.com", ...identity })
  const [plain, known] = [held({}, url({}), ""), held({}, url({ identity: { audience: "https://orders" } }), "")]
  expect(heldOtherwise(plain, known)).toBe("endpoints https://orders.example.com")
  expect(heldOtherwise(known, plain)).toContain(
    'endpoints https://orders.example.com (identity {"audience":"https://orders"',
  )
})
