/** Every limit has a name and stands here. Sizes in bytes, times in milliseconds. */
export const LIMITS = {
  /** Hops of one request chain through the mesh. The platform allows 32 Worker invocations a request; a hop costs two. */
  hopsMax: 12,
  pathBytesMax: 8 * 1024,
  hostBytesMax: 253,
  headersMax: 128,
  headerBytesMax: 64 * 1024,
  /** A body is kept for a further attempt only up to this size (Linkerd's figure). */
  replayBodyBytesMax: 64 * 1024,

  documentBytesMax: 4 * 1024 * 1024,
  snapshotBytesMax: 8 * 1024 * 1024,
  servicesMax: 2_000,
  subsetsMax: 64,
  endpointsMax: 64,
  routesMax: 10_000,
  rulesMax: 256,
  matchesMax: 64,
  valueMatchesMax: 16,
  backendsMax: 16,
  filtersMax: 16,
  headerChangesMax: 64,
  hostnamesMax: 64,
  weightMax: 1_000_000,
  retryAttemptsMax: 10,
  retryConditionsMax: 16,
  timeoutMsMax: 60 * 60 * 1000,
  matchValueCharsMax: 1_024,
  regexCharsMax: 1_024,
  problemsMax: 100,
  messageCharsMax: 1_024,
  responseBodyCharsMax: 64 * 1024,
} as const
