/** The shape of authentications in a snapshot. */
import { ALGORITHMS } from "./authentication.ts"
import { LIMITS } from "./limits.ts"
import { fieldName, filled, flag, id, list, object, path, tagged, text, word } from "./shape.ts"
import { target } from "./target-shape.ts"

const places = list(
  tagged(
    {
      header: object({ name: fieldName, prefix: text }),
      query: object({ name: filled, paths: list(path, LIMITS.credentialPlacesMax) }),
      cookie: object({ name: filled }),
    },
    "in",
  ),
  LIMITS.credentialPlacesMax,
  1,
)

const jwk = object(
  { kty: word("RSA", "EC", "OKP") },
  { kid: text, alg: text, use: text, key_ops: list(text, 16), crv: text, n: text, e: text, x: text, y: text },
)
const keySource = tagged({
  url: object({ url: filled }),
  service: object({ service: id, path }),
  inline: object({ keys: list(jwk, LIMITS.jwksKeysMax) }),
})

const claimHeader = object({ header: fieldName, claim: list(filled, LIMITS.jwtDepthMax, 1) })
const provider = object(
  {
    issuer: filled,
    audiences: list(filled, LIMITS.audiencesMax),
    algorithms: list(word(...ALGORITHMS), ALGORITHMS.length, 1),
    keys: keySource,
    from: places,
    mayLiveForever: flag,
    forward: flag,
    claimHeaders: list(claimHeader, LIMITS.claimHeadersMax),
    listClaims: list(filled, LIMITS.claimHeadersMax),
  },
  { type: filled, payloadHeader: fieldName },
)

const keyHeader = object({ header: fieldName, value: word("id", "owner", "scopes") })
const keys = object({ from: places, forward: flag, headers: list(keyHeader, LIMITS.claimHeadersMax) })

export const authentications = list(
  object({ id, target, required: flag, tokens: list(provider, LIMITS.tokenProvidersMax + 1) }, { keys }),
  LIMITS.authenticationsMax,
)
