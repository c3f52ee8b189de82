import { expect, it } from "vitest"
import { call, problemOf } from "./support.ts"

it.each([
  ["header=x-tenant&value=acme", 204],
  ["header=authorization", 204],
  ["header=authorization&value=Bearer%20guess", 400],
  ["header=X-Api-Key&value=guess", 400],
])("a tap for %s is answered with %i: what is never shown cannot be guessed either", async (query, status) => {
  const response = await call("GET", `/v1/tap?${query}`)
  expect(response.status).toBe(status)
  if (status === 400) expect((await problemOf(response)).detail).toContain("never shown")
})
