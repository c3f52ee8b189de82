import { describe, expect, it } from "vitest"
import { lostAtPublicDoor, publicDoor } from "#workers/proxy/door.ts"

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
