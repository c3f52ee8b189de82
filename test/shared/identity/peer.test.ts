import { describe, expect, it } from "vitest"
import { peerFromProps, serviceFromHost } from "#shared/identity/peer.ts"
import { serviceId } from "#shared/model/names.ts"

describe("a caller by its binding's props", () => {
  it.each([
    [
      { from: "storefront", to: "orders" },
      { from: "default/storefront", to: "default/orders" },
    ],
    [{ from: "storefront" }, { from: "default/storefront", to: undefined }],
    [
      { from: "team-a/checkout", to: "orders" },
      { from: "team-a/checkout", to: "team-a/orders" },
    ],
    [
      { from: "team-a/checkout", to: "default/orders" },
      { from: "team-a/checkout", to: "default/orders" },
    ],
  ])("%j", (props, peer) => {
    expect(peerFromProps(props)).toEqual(peer)
  })

  it.each([
    undefined,
    null,
    "storefront",
    {},
    { to: "orders" },
    { from: "" },
    { from: 7 },
    { from: "Store Front" },
    { from: "a/b/c" },
    { from: "storefront", to: "" },
    { from: "storefront", to: null },
    { from: "storefront", to: "../admin" },
  ])("is nobody by %j", (props) => {
    expect(peerFromProps(props)).toBeUndefined()
  })
})

describe("a service by host", () => {
  const caller = serviceId("team-a", "checkout")
  it.each([
    ["orders", "team-a/orders"],
    ["orders.default", "default/orders"],
    ["orders.default.svc", undefined],
    ["orders.", undefined],
    ["", undefined],
    ["or_ders", undefined],
  ])("%j", (host, service) => {
    expect(serviceFromHost(host, caller)).toBe(service)
  })
})
