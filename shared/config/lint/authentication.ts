/** Authentications that take more than was meant, and what goes by a user whom nobody has asked for. */
import { isNative } from "#shared/config/dialect.ts"
import { covers } from "#shared/identity/coverage.ts"
import { fold } from "#shared/identity/headers.ts"
import type { Authentication, TokenProvider } from "#shared/model/authentication.ts"
import type { Resource } from "#shared/model/document.ts"
import type { Route, Rule } from "#shared/model/route.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import type { Place } from "#shared/model/target.ts"
import { isLocalUrl } from "#shared/std/egress.ts"
import type { Step } from "#shared/std/steps.ts"
import { type Advice, advise, type Sites } from "./site.ts"

export function lintAuthentication(snapshot: Snapshot, resources: readonly Resource[], sites: Sites): void {
  const { authentications = [], services, routes } = snapshot
  for (const one of authentications) {
    const resource = resources.find(
      (found) => found.kind === "Authentication" && isNative(found) && `${found.namespace}/${found.name}` === one.id,
    )
    if (!resource) continue
    const note = (steps: readonly Step[], advice: Advice) => sites.atResource(resource, steps, advice)
    if (
      one.target.of === "namespace" &&
      !services.some(({ id }) => covers(one.target, { at: "service", service: id }))
    ) {
      const hint = 'name "services" or "gateways"'
      note([], advise("warning", "covers-nothing", "Its namespace has no service: it covers nothing", hint))
    }
    // The provider of Access comes last, and is as it has to be.
    const written = (resource.spec as { jwt?: readonly unknown[] }).jwt?.length ?? 0
    for (const [index, provider] of one.tokens.slice(0, written).entries()) lintProvider(provider, ["jwt", index], note)
  }
  for (const route of routes) {
    for (const rule of route.rules) {
      lintLimits(route, rule, authentications, sites)
      lintClaimHeaders(route, rule, authentications, sites)
    }
  }
}

function lintProvider(
  { issuer, audiences, keys, from, mayLiveForever }: TokenProvider,
  path: readonly Step[],
  note: (steps: readonly Step[], advice: Advice) => void,
): void {
  if (audiences.length === 0) {
    const message = `Every token of ${JSON.stringify(issuer)} is taken, also those that were made for others`
    note(path, advise("warning", "no-audience", message, 'write "audiences", what "aud" of tokens for this mesh says'))
  }
  if (/^http:/i.test(issuer) && !isLocalUrl(issuer)) {
    const message = `The issuer ${JSON.stringify(issuer)} is no https URL, as OpenID Connect has it`
    note([...path, "issuer"], advise("warning", "http-issuer", message, 'look "iss" up in one of its tokens'))
  }
  if (keys.kind === "url" && isLocalUrl(keys.url)) {
    const message = "Who may listen on this machine can make tokens"
    note(
      [...path, "jwks"],
      advise("warning", "local-keys", message, "for development only: use the issuer's https URL"),
    )
  }
  if (mayLiveForever) {
    const message = "A token without an end is good until its key is changed"
    const hint = 'have the issuer set "exp", and leave this out'
    note([...path, "allowWithoutExpiry"], advise("info", "tokens-for-ever", message, hint))
  }
  for (const [index, place] of from.entries()) {
    if (place.in !== "query" || place.paths.length > 0) continue
    const message = "A token in a URL ends up in logs and histories"
    const hint = 'write "paths", for what cannot send headers'
    note([...path, "from", index], advise("info", "token-in-query", message, hint))
  }
}

/** Where nobody is asked, all are nobody, and share one bucket. */
function lintLimits(route: Route, rule: Rule, authentications: readonly Authentication[], sites: Sites): void {
  for (const [index, { key }] of (rule.rateLimits ?? []).entries()) {
    const part = key.find(({ by }) => by === "claim" || by === "key")
    if (!part) continue
    const asks = ({ tokens, keys }: Authentication) => (part.by === "key" ? keys !== undefined : tokens.length > 0)
    const places = [...doorsOf(route), ...rule.backends.map(({ service }): Place => ({ at: "service", service }))]
    if (authentications.some((one) => asks(one) && places.some((place) => covers(one.target, place)))) continue
    const what = part.by === "key" ? "an API key" : "a token"
    const message = `No authentication asks for ${what} here: all requests share one bucket`
    const hint =
      part.by === "key" ? 'cover it by an authentication with "keys"' : 'cover it by an authentication with "jwt"'
    sites.atRule(rule, ["rateLimits", index, "key"], advise("warning", "limit-by-nobody", message, hint))
  }
}

/** A header that is the mesh's word in one place is anybody's word where it is not covered. */
function lintClaimHeaders(route: Route, rule: Rule, authentications: readonly Authentication[], sites: Sites): void {
  for (const [index, match] of rule.matches.entries()) {
    for (const { name } of match.headers) {
      const setting = authentications.filter((one) => setBy(one).has(fold(name)))
      if (setting.length === 0) continue
      const bare = doorsOf(route).find((door) => !setting.some((one) => covers(one.target, door)))
      if (!bare) continue
      const place = bare.at === "gateway" ? `gateway ${bare.gateway}` : `service ${bare.service}`
      const message = `${setting[0]?.id} sets ${name}, but does not cover the ${place}: whoever sends it there is believed`
      const hint = `cover the ${place} too, or match "claims"`
      sites.atRule(rule, ["headers", name], advise("warning", "claim-header-not-covered", message, hint), index)
    }
  }
}

function setBy({ tokens, keys }: Authentication): ReadonlySet<string> {
  const ofTokens = tokens.flatMap(({ claimHeaders, payloadHeader }) => [
    ...claimHeaders.map(({ header }) => header),
    ...(payloadHeader === undefined ? [] : [payloadHeader]),
  ])
  return new Set([...ofTokens, ...(keys?.headers ?? []).map(({ header }) => header)].map(fold))
}

function doorsOf({ attachments }: Route): Place[] {
  return attachments.map((one) =>
    one.to === "gateway" ? { at: "gateway", gateway: one.gateway } : { at: "service", service: one.service },
  )
}
