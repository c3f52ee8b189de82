import { describe, expect, it } from "vitest"
import { checkRpc } from "#shared/config/checks.ts"

describe("an RPC method in a document", () => {
  it.each(["getOrder", "get*", "*", "users.get", "users.*", "$a._b"])("may be %s", (name) => {
    expect(checkRpc(name)).toBeUndefined()
  })

  it.each(["", ".", "a.", ".a", "a..b", "a b", "7up", "a-b", "a.b.c.d.e", "a".repeat(129)])("may not be %j", (name) => {
    expect(checkRpc(name)?.rule).toBe("bad-rpc-method")
  })
})
