import { describe, expect, it } from "vitest"
import { lostAtPublicDoor, publicDoor, sidecarDoor } from "#workers/proxy/door.ts"

describe("the public door", () => {
  it.each([
    [undefined, { at: "gateway", gateway: "default/default" }],
    ["team-a/public", { at: "gateway", gateway: "team-a/public" }],
    ["team-a/public:8080", { at: "gateway", gateway: "team-a/public", port: 8080 }],
  ])("is %s", (gateway, door) => {
    expect(publicDoor(gateway)).toEqual(door)
  })

  it("refuses a sidecar's binding that forgot its entrypoint, and says what it needs", () => {
    expect(lostAtPublicDoor({ from: "front", to: "orders" })).toMatchObject({ refusal: "unauthenticated" })
    expect(lostAtPublicDoor({ to: "orders" })?.detail).toContain('"entrypoint": "Sidecar"')
  })

  it.each([undefined, null, {}, { gateway: "a/b" }])("lets %j in", (props) => {
    expect(lostAtPublicDoor(props)).toBeUndefined()
  })
})

describe("a sidecar's door", () => {
  it("is the same for the same props, and another for others", () => {
    const door = sidecarDoor({ from: "front", to: "orders" })
    expect(door).toEqual({ at: "service", peer: { from: "default/front", to: "default/orders" } })
    expect(sidecarDoor({ from: "front", to: "orders" })).toBe(door)
    expect(sidecarDoor({ from: "front" })).toEqual({ at: "service", peer: { from: "default/front", to: undefined } })
    expect(sidecarDoor({ from: "orders", to: "front" })).not.toEqual(door)
    expect(sidecarDoor({ from: "team-a/front", to: "orders" })).toMatchObject({ peer: { to: "team-a/orders" } })
  })

  it.each([
    undefined,
    null,
    "front",
    {},
    { to: "orders" },
    { from: ["front"], to: "orders" },
    { from: "front", to: null },
  ])("is closed to %j", (props) => {
    sidecarDoor({ from: "front", to: "orders" })
    expect(sidecarDoor(props)).toBeUndefined()
  })
})
