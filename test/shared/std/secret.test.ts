import { describe, expect, it } from "vitest"
import { hideSecret, isSecretName, SECRET } from "#shared/std/secret.ts"

describe("names under which secrets stand", () => {
  it.each([
    ...["authorization", "Proxy-Authorization", "Cookie", "set-cookie", "x-api-key", "apikey", "API_KEY", "x-apikey"],
    ...[
      "x-auth-token",
      "token",
      "access_token",
      "client.secret",
      "webhook-secret",
      "x-signature",
      "session",
      "passwords",
    ],
  ])("%s is one", (name) => {
    expect(isSecretName(name)).toBe(true)
    expect(hideSecret(name, "s3cret")).toBe(SECRET)
  })

  it.each([
    ...[
      "x-canary",
      "accept",
      "content-type",
      "x-tokenizer",
      "secretary",
      "x-author",
      "authority",
      "monkey",
      "cookie-policy",
    ],
  ])("%s is none", (name) => {
    expect(isSecretName(name)).toBe(false)
    expect(hideSecret(name, "plain")).toBe("plain")
  })
})
