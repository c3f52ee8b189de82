/** Limits of workload identity: tokens for upstreams outside the mesh, and the keys that sign them. */
export const IDENTITY_LIMITS = {
  /** How long a token is good for. */
  svidLifeMs: 10 * 60 * 1000,
  /** Clocks of the mesh and of upstreams may be so far apart; a token that ends sooner is not sent any more. */
  svidSkewMs: 30_000,
  /** How long the first request for a token waits for it. */
  svidWaitMs: 1_000,
  /** After a failure the object is asked again this much later, jittered by a quarter either way. */
  svidRetryMs: 1_000,
  /** Tokens that one isolate keeps. */
  svidsMax: 2_000,
  audienceCharsMax: 1_024,
  /** How long a key signs, how long it is published before that, and how long anybody may keep a copy of the keys. */
  signingKeyRotateMs: 7 * 24 * 60 * 60 * 1000,
  signingKeyAheadMs: 60 * 60 * 1000,
  keySetMaxAgeSeconds: 300,
  /** Keys that one object holds: more than these are never needed at a time. */
  signingKeysMax: 16,
} as const
