import { describe, expect, it } from "vitest"
import { Place } from "#workers/proxy/place.ts"

/** A request that counts how often it was looked at. */
function requestWith(cf: { colo: string; continent?: string } | undefined) {
  const looks = { count: 0 }
  const request = {
    get cf() {
      looks.count++
      return cf
    },
  }
  return { request, looks }
}

const FROM_AMSTERDAM = { cf: { colo: "AMS", continent: "EU" } }

describe("where an isolate runs", () => {
  it("is what the edge tells by a request, and stays known", () => {
    const place = new Place()
    place.notice(FROM_AMSTERDAM)
    const { request, looks } = requestWith({ colo: "SIN" })
    place.notice(request)
    place.locate(request)
    expect([place.colo, place.region, looks.count]).toEqual(["AMS", "weur", 0])
  })

  it("is not asked for ever where nobody tells, and heard of all the same", () => {
    const place = new Place()
    const { request, looks } = requestWith(undefined)
    for (let times = 0; times < 1_000; times++) place.notice(request)
    expect(looks.count).toBe(100)
    place.locate(FROM_AMSTERDAM)
    expect(place.colo).toBe("AMS")
  })
})

describe("the edge before an isolate", () => {
  it("is there from the first public request on that came by it", () => {
    const place = new Place()
    const [before, by, after] = [{}, FROM_AMSTERDAM, {}].map((request) => place.isAtEdge(request))
    expect([before, by, after]).toEqual([false, true, true])
    expect(place.colo).toBe("AMS")
  })

  it("is nothing that a service can claim in a request of its own", () => {
    const place = new Place()
    place.notice(FROM_AMSTERDAM)
    expect(place.colo).toBe("AMS")
    expect(place.isAtEdge({})).toBe(false)
  })
})
