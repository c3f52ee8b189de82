/** Why a credential proves nothing: a closed list, for the mesh's own log. Its sender learns less. */

export type CredentialFault =
  /** There is none, and one is required. */
  | "no_credential"
  /** More than one token or more than one key: whose word counts would be a guess. */
  | "several_credentials"
  | "token_too_large"
  /** Not three parts of strict base64url, or not strict JSON in them: a key twice, `__proto__`, numbers out of range. */
  | "token_malformed"
  /** `crit` or `b64`: it asks to be read in a way that the mesh does not know. */
  | "token_extension"
  /** `jwk`, `jku`, `x5u`, `x5c`: it brings its own key along. */
  | "token_brings_key"
  | "token_type"
  | "unknown_issuer"
  | "algorithm_not_allowed"
  | "unknown_key"
  /** It names no key, and more than one could be meant. */
  | "ambiguous_key"
  | "bad_signature"
  | "wrong_audience"
  | "no_expiry"
  | "expired"
  | "not_yet_valid"
  /** `iat` is in the future. */
  | "issued_in_future"
  /** A registered claim is not of its type. */
  | "bad_claim"
  /** Not of the form of an API key, never made, or revoked. */
  | "unknown_api_key"
  | "expired_api_key"
  /** The issuer's keys, or the list of API keys, could not be had: nothing is known of the credential. */
  | "keys_unavailable"

/** What the sender is told: of genuine credentials that they are over, of all others only that they are not taken. */
export function toldOf(fault: CredentialFault): string | undefined {
  switch (fault) {
    case "no_credential":
    case "keys_unavailable":
      return undefined
    case "several_credentials":
      return "the request has more than one credential"
    case "expired":
      return "the token has expired"
    case "expired_api_key":
      return "the key has expired"
    case "unknown_api_key":
      return "the key is not valid"
    default:
      return "the token is not valid"
  }
}
