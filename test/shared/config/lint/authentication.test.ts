/** Each finding has a case that it speaks of, and a near miss that it must be silent about. */
import { describe, expect, it } from "vitest"
import { compile } from "#shared/config/compile.ts"
import { lint } from "#shared/config/lint.ts"
import type { AuthenticationDocument, JwtDocument } from "#shared/model/authentication-document.ts"
import type { MeshDocument, RuleDocument } from "#shared/model/document.ts"

const JWT: JwtDocument = {
  issuer: "https://iss.example.com",
  audiences: ["api"],
  jwks: "https://iss.example.com/jwks",
  claimHeaders: { "x-user-id": "sub" },
}

function found(document: MeshDocument): string[] {
  const compiled = compile([], { documents: [{ source: "test", content: document }], prune: true, revision: 1 })
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems))
  return lint(compiled).map(({ severity, rule, path }) => `${severity} ${rule} ${path}`)
}

const users = (authentication: AuthenticationDocument): MeshDocument => ({
  services: { a: {}, b: {} },
  authentication: { users: authentication },
})
const withJwt = (more: Partial<JwtDocument>) => {
  const { audiences, ...rest } = { ...JWT, ...more }
  return users({ services: ["a"], jwt: [{ ...rest, ...(audiences && { audiences }) }] })
}
const withRule = (rule: RuleDocument, authentication: AuthenticationDocument): MeshDocument => ({
  ...users(authentication),
  routes: { r: { hosts: ["r.test"], rules: [{ backends: [{ service: "a" }], ...rule }] } },
})
const limited = (key: string, authentication: AuthenticationDocument) =>
  withRule({ rateLimits: [{ requests: 1, per: "1s", key: [key] }] }, authentication)
const AT = "authentication.users.jwt[0]"
const { audiences: _audiences, ...FOR_ANYBODY } = JWT

describe("an authentication", () => {
  it.each<[what: string, fires: MeshDocument, finding: string, silent: MeshDocument]>([
    [
      "that takes tokens for others",
      users({ services: ["a"], jwt: [FOR_ANYBODY] }),
      `warning no-audience ${AT}`,
      users({ services: ["a"], jwt: [JWT], access: { team: "acme", audiences: ["tag"] } }),
    ],
    [
      "of an issuer without TLS",
      withJwt({ issuer: "http://iss.example.com" }),
      `warning http-issuer ${AT}.issuer`,
      withJwt({ issuer: "http://localhost:9000" }),
    ],
    [
      "of an issuer that is no URL",
      withJwt({ issuer: "HTTP://iss.example.com" }),
      `warning http-issuer ${AT}.issuer`,
      withJwt({ issuer: "test-issuer-1@istio.io" }),
    ],
    [
      "with keys of this machine",
      withJwt({ jwks: "http://localhost:9000/jwks" }),
      `warning local-keys ${AT}.jwks`,
      withJwt({ jwks: { service: "b" } }),
    ],
    [
      "with tokens for ever",
      withJwt({ allowWithoutExpiry: true }),
      `info tokens-for-ever ${AT}.allowWithoutExpiry`,
      withJwt({ allowWithoutExpiry: false }),
    ],
    [
      "with tokens in every URL",
      withJwt({ from: [{ cookie: "t" }, { query: "t" }] }),
      `info token-in-query ${AT}.from[1]`,
      withJwt({ from: [{ query: "t", paths: ["/ws"] }] }),
    ],
    [
      "of a namespace without services",
      { ...users({ keys: {} }), namespace: "team-a", services: {} },
      "warning covers-nothing authentication.users",
      users({ keys: {} }),
    ],
    [
      "is missed by a limit by key",
      limited("key", { services: ["a"], jwt: [JWT] }),
      "warning limit-by-nobody routes.r.rules[0].rateLimits[0].key",
      limited("key", { services: ["a"], keys: {} }),
    ],
    [
      "is missed by a limit by claim",
      limited("claim:sub", { services: ["b"], jwt: [JWT] }),
      "warning limit-by-nobody routes.r.rules[0].rateLimits[0].key",
      limited("claim:sub", { gateways: ["default"], jwt: [JWT] }),
    ],
    [
      "whose header is believed where it does not cover",
      withRule({ match: { headers: { "X_User-Id": "root" } } }, { services: ["a"], jwt: [JWT] }),
      "warning claim-header-not-covered routes.r.rules[0].match.headers.x_user-id",
      withRule({ match: { headers: { "x-user-id": "root" } } }, { mesh: true, jwt: [JWT] }),
    ],
  ])("%s", (_what, fires, finding, silent) => {
    expect(found(fires)).toContain(finding)
    expect(found(silent).map((one) => one.split(" ")[1])).not.toContain(finding.split(" ")[1])
  })
})
