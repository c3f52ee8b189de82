import { describe, expect, it } from "vitest"
import { serviceId } from "#shared/model/names.ts"
import type { Backend, Sticky } from "#shared/model/route.ts"
import type { RequestHead } from "#shared/routing/head.ts"
import { stickySplit } from "#shared/routing/sticky.ts"

const backend = (name: string, weight: number): Backend => ({
  service: serviceId("default", name),
  weight,
  filters: [],
})
const HALVES = [backend("v1", 50), backend("v2", 50)]

const head = (headers: Record<string, string> = {}, caller?: string): RequestHead => ({
  method: "GET",
  path: "/",
  rawQuery: "",
  host: "app.test",
  headers: new Headers(headers),
  caller: caller === undefined ? undefined : serviceId("default", caller),
  rpc: undefined,
  dice: 0,
})

const nameOf = (choice: { backend: Backend | undefined }) => choice.backend?.service

describe("a split that sticks to a value", () => {
  const byUser: Sticky = { by: "header", name: "x-user" }

  it("gives the same value the same backend, whatever the dice say", () => {
    for (let user = 0; user < 200; user++) {
      const request = head({ "x-user": `user-${user}` })
      const first = nameOf(stickySplit(HALVES, byUser, request, "trace", 0))
      expect(nameOf(stickySplit(HALVES, byUser, request, "other", 0.99))).toBe(first)
    }
  })

  it("throws the dice for who brings no value", () => {
    expect(nameOf(stickySplit(HALVES, byUser, head(), "trace", 0.1))).toBe("default/v1")
    expect(nameOf(stickySplit(HALVES, byUser, head(), "trace", 0.9))).toBe("default/v2")
  })

  it("keeps the shares", () => {
    const split = [backend("v1", 90), backend("v2", 10)]
    const answers = Array.from({ length: 5_000 }, (_, user) =>
      nameOf(stickySplit(split, byUser, head({ "x-user": `u${user}` }), "", 0)),
    )
    const share = answers.filter((name) => name === "default/v2").length / answers.length
    expect(share).toBeGreaterThan(0.085)
    expect(share).toBeLessThan(0.115)
  })

  it("moves nobody back when the canary grows", () => {
    const on = (weight: number, user: number) =>
      nameOf(
        stickySplit(
          [backend("v2", weight), backend("v1", 100 - weight)],
          byUser,
          head({ "x-user": `u${user}` }),
          "",
          0,
        ),
      ) === "default/v2"
    for (let user = 0; user < 500; user++) if (on(10, user)) expect(on(30, user)).toBe(true)
  })

  it("puts one chain on the same side of every split", () => {
    const other = [backend("catalog-v1", 50), backend("catalog-v2", 50)]
    for (let chain = 0; chain < 200; chain++) {
      const here = stickySplit(HALVES, { by: "chain" }, head(), `trace-${chain}`, 0)
      const there = stickySplit(other, { by: "chain" }, head(), `trace-${chain}`, 0.7)
      expect(nameOf(there)?.endsWith("v2")).toBe(nameOf(here)?.endsWith("v2"))
    }
  })

  it("sticks to cookies and callers", () => {
    const one = stickySplit(HALVES, { by: "cookie", name: "sid" }, head({ cookie: "a=b; sid=x7" }), "", 0)
    const two = stickySplit(HALVES, { by: "cookie", name: "sid" }, head({ cookie: "sid=x7" }), "", 0.99)
    expect(one).toEqual(two)
    const caller = stickySplit(HALVES, { by: "caller" }, head({}, "checkout"), "", 0)
    expect(stickySplit(HALVES, { by: "caller" }, head({}, "checkout"), "", 0.99)).toEqual(caller)
  })
})

describe("a session", () => {
  const session: Sticky = { by: "session", cookie: "weft-orders" }

  it("begins with a cookie, stays with it, and outlives its backend's weight", () => {
    const begun = stickySplit(HALVES, session, head(), "", 0.9)
    expect(nameOf(begun)).toBe("default/v2")
    expect(begun.setCookie).toMatch(/^weft-orders=[a-z0-9]+; Path=\/; HttpOnly; SameSite=Lax$/)
    const cookie = begun.setCookie?.split(";")[0] ?? ""
    const drained = [backend("v1", 100), backend("v2", 0)]
    const kept = stickySplit(drained, session, head({ cookie }), "", 0)
    expect([nameOf(kept), kept.setCookie]).toEqual(["default/v2", undefined])
  })

  it("begins anew when its backend is gone or its cookie is made up", () => {
    for (const cookie of ["weft-orders=zzzz", "weft-orders=", "weft-orders=__proto__"]) {
      const choice = stickySplit(HALVES, session, head({ cookie }), "", 0)
      expect([nameOf(choice), choice.setCookie !== undefined]).toEqual(["default/v1", true])
    }
  })

  it("lasts as long as it is told to", () => {
    const { setCookie } = stickySplit(HALVES, { ...session, maxAgeSeconds: 3_600 }, head(), "", 0)
    expect(setCookie).toContain("; Max-Age=3600")
  })
})
