/** The last of a chain: fails as often as it is told, by dice that fall the same each time, and counts. */
import { Dice } from "#simulator/dice.ts"

let dice = new Dice(1)
let failRate = 0
let arrived = 0

export default {
  fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === "/turn") {
      const before = arrived
      failRate = Number(searchParams.get("failRate"))
      arrived = 0
      dice = new Dice(1)
      return Response.json({ arrived: before })
    }
    arrived += 1
    return new Response("answered", { status: dice.next() < failRate ? 500 : 200 })
  },
} satisfies ExportedHandler
