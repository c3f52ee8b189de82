/** The limits that the Gateway API's own schemas set. */
export const GATEWAY_API_LIMITS = {
  listenersMax: 64,
  allowedKindsMax: 8,
  parentRefsMax: 32,
  hostnamesMax: 16,
  rulesMax: 16,
  matchesMax: 64,
  /** Of all rules of one route. */
  matchesOfRouteMax: 128,
  filtersMax: 16,
  backendsMax: 16,
  valueMatchesMax: 16,
  headerChangesMax: 16,
  corsOriginsMax: 64,
  corsMethodsMax: 9,
  corsHeadersMax: 64,
  grantsMax: 16,
  selectorTermsMax: 64,
  portsMax: 1_000,
  /** An object's name is a DNS subdomain, not only a label. */
  nameCharsMax: 253,
  pathCharsMax: 1_024,
  valueCharsMax: 4_096,
} as const
