/** Phrases about end users: whose tokens are taken, and what becomes of their claims. */
import type { IssuerStage, KeysState } from "#attacks/issuer.ts"
import { AUDIENCE, ISSUER } from "#attacks/keys.ts"
import type { Stage } from "#attacks/stage.ts"
import { type Phrase, phrase } from "./grammar.ts"

/** What services read of who the user is. */
const SUBJECT_HEADER = "x-auth-user"

export const TOKENS: readonly Phrase[] = [
  phrase(
    /route requires JWT: issuer (\S+), aud '([^']*)', algs \[[^\]]*\](?:, JWKS cached \d+ s)?(?:, skew \d+ s)?/,
    (stage, [issuer, audience]) => {
      if (issuer !== ISSUER || audience !== AUDIENCE) throw new Error(`nobody has keys of ${issuer} for ${audience}`)
      issued(stage, {})
    },
  ),
  phrase(/(?:route )?(?:requires|needs) (?:a )?(?:valid )?(?:JWT|token)|JWT required/, (stage) => issued(stage, {})),
  phrase(
    /(?:route )?(?:requires|needs) (?:an )?API key(?: (?:in|from|by) (?:the )?(query|cookie|header)?(?: ?parameter)? ?([\w-]+))?|API key (?:in|by) (?:the )?(query|cookie|header)? ?([\w-]+)/,
    (stage, [place, name, other, named]) => keyed(stage, place || other || "header", name || named || "x-api-key"),
  ),
  phrase(/(?:route )?(?:allows? anonymous|anonymous allowed)/, (stage) => issued(stage, { required: false })),
  phrase(/JWKS (?:endpoint )?(?:returns|answers) (?:with )?[45]\d\d(?: since start)?/, (stage) =>
    keysAre(stage, "failing"),
  ),
  phrase(
    /JWKS (?:endpoint )?(?:is )?(?:down|unreachable|refuses connections|cannot be fetched|fails)(?: since start)?/,
    (stage) => keysAre(stage, "down"),
  ),
  phrase(/JWKS (?:endpoint )?(?:hangs|times out|is slow|never answers)/, (stage) => keysAre(stage, "hanging")),
  phrase(/JWKS (?:endpoint )?(?:redirects|answers 30\d|returns 30\d)(?: to \S+)?/, (stage) =>
    keysAre(stage, "redirected"),
  ),
  phrase(
    /JWKS (?:endpoint )?(?:returns|answers|is)(?: with)? (?:HTML|garbage|not JSON|invalid JSON|malformed)/,
    (stage) => keysAre(stage, "garbled"),
  ),
  phrase(
    /JWKS (?:endpoint )?(?:is empty|has no keys|returns no keys|without keys|returns (?:an )?empty (?:key )?(?:list|set)|keys: \[\])/,
    (stage) => keysAre(stage, "none"),
  ),
  phrase(
    /JWKS (?:endpoint )?(?:returns |answers )?(?:'?keys'? (?:is|are|=|:) ?(?:null|a string|an object|missing)|(?:is|returns) (?:an array|null|a string|a list))/,
    (stage) => keysAre(stage, "misshapen"),
  ),
  phrase(/JWKS (?:with|contains|has|returns) (?:a )?private keys?(?: parameters?| material)?/, (stage) =>
    keysAre(stage, "private"),
  ),
  phrase(/JWKS (?:endpoint )?(?:rotated|rotates)[^.;]*|(?:after )?key rotation[^.;]*/, (stage) =>
    keysAre(stage, "rotated"),
  ),
  phrase(/JWKS (?:with|contains|has|returns) (?:a )?(?:duplicate kids?|two keys of one kid)/, (stage) =>
    keysAre(stage, "twins"),
  ),
  phrase(
    /JWKS (?:with|contains|has|returns|key with|key is) (?:an? |only )*(?:RSA|weak|short)[^.;]*?\d+[- ]?bits?(?: keys?)?|JWKS key with RSA \d+ bit/,
    (stage) => keysAre(stage, "weak"),
  ),
  phrase(
    /JWKS (?:with|contains|has|returns) (?:an? |only )*(?:oct|symmetric|HMAC|unsupported|malformed)(?: or \w+)? keys?/,
    (stage) => keysAre(stage, "unfit"),
  ),
  phrase(/JWKS (?:with|of|has) [\d,]+ keys/, (stage) => keysAre(stage, "many")),
  phrase(
    /JWKS (?:endpoint )?(?:of|with|is|returns|body of|response of|response)(?: a)? ?[\d,]+ [KMG]i?B(?: body| response)?/,
    (stage) => keysAre(stage, "huge"),
  ),
  phrase(/query extraction enabled for (\/\S+) only/, (stage, [path]) => {
    const from = [
      { header: "authorization", prefix: "Bearer" },
      { query: "access_token", paths: [path!] },
    ]
    issued(stage, { from })
  }),
  phrase(/(?:JWT|tokens?) (?:from|in) (?:the )?cookie (\w+)/, (stage, [cookie]) =>
    issued(stage, { from: [{ cookie: cookie! }] }),
  ),
  phrase(/(?:JWT|tokens?) (?:from|in) (?:the )?query(?: parameter)? (\w+)/, (stage, [query]) =>
    issued(stage, { from: [{ query: query! }] }),
  ),
  phrase(/claim (\w+) (?:is )?(?:copied |mapped )?(?:to|into|->) (?:the )?header ([\w-]+)/, (stage, [name, header]) => {
    issued(stage, { claimHeaders: { [header!.toLowerCase()]: name! } })
    stage.facts = { ...stage.facts, identity: { header: header!.toLowerCase() } }
  }),
  phrase(/with JWT/, (stage) => issued(stage, {})),
  phrase(/verification cache on/, (stage) => issued(stage, {})),
  phrase(/proxy sets identity header ([\w-]+) from the verified JWT(?: \(sub=(\w+)\))?/, (stage, [header, who]) => {
    issued(stage, { required: false, claimHeaders: { [header!.toLowerCase()]: "sub" } })
    stage.facts = { ...stage.facts, identity: { header: header!.toLowerCase(), ...(who && { value: who }) } }
  }),
  phrase(/(?:route allows anonymous; )?identity header only set when a JWT is present/, (stage) => {
    issued(stage, { required: false })
  }),
  phrase(/proxy adds [\w, *-]+ to the upstream request/, (stage) => issued(stage, { required: false })),
]

function keyed(stage: Stage, place: string, name: string): void {
  const from =
    place === "query" ? { query: name } : place === "cookie" ? { cookie: name } : { header: name.toLowerCase() }
  stage.apiKeys = { required: true, from }
  const headers: (readonly [string, string])[] = [["Host", "app.test"]]
  if (place === "header") headers.push([name, "<valid key>"])
  if (place === "cookie") headers.push(["Cookie", `${name}=<valid key>`])
  const rawPath = place === "query" ? `/?${name}=<valid key>` : "/"
  stage.facts = { ...stage.facts, benign: { method: "GET", rawPath, headers, body: null } }
}

export function issued(stage: Stage, more: Partial<IssuerStage>): void {
  const before = stage.issuer ?? { required: true, keys: "known", claimHeaders: { [SUBJECT_HEADER]: "sub" } }
  stage.issuer = { ...before, ...more }
  const isServed = stage.issuer.keys === "known"
  const benign = {
    method: "GET",
    headers: [
      ["Host", "app.test"],
      ["Authorization", "Bearer <valid>"],
    ] as const,
    body: null,
  }
  stage.facts = {
    ...stage.facts,
    tokens: true,
    ...(isServed && { benign: stage.facts.benign ?? { ...benign, rawPath: "/" } }),
  }
}

/** Nothing can be verified then, and nothing is: there is no request that must be served. */
function keysAre(stage: Stage, keys: KeysState): void {
  issued(stage, { keys })
  const { benign: _, ...facts } = stage.facts
  stage.facts = facts
}
