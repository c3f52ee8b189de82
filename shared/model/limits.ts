/** Every limit has a name and stands here. Sizes in bytes, times in milliseconds. */
export const LIMITS = {
  /** Hops of one request chain through the mesh. The platform allows 32 Worker invocations a request; a hop costs two. */
  hopsMax: 12,
  /** Path and query together. */
  targetBytesMax: 8 * 1024,
  hostBytesMax: 253,
  headersMax: 200,
  headerBytesMax: 60 * 1024,
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

  /** The control plane. Small requests: everything but plan and apply. */
  controlBodyBytesMax: 16 * 1024,
  documentsMax: 1_000,
  sourceCharsMax: 1_024,
  /** How often an apply without If-Match is compiled again when another one was faster. */
  applyAttemptsMax: 5,
  historyPageMax: 200,
  idempotencyKeyCharsMax: 255,
  idempotencyKeysMax: 10_000,
  /** A row of a Durable Object holds 2 MB at most; long texts are kept in pieces of this size. */
  chunkBytesMax: 1024 * 1024,
  isolatesMax: 1_000,
  isolateSilenceMsMax: 60_000,
  isolateBindingsMax: 5_000,
  tokensMax: 1_000,
  tokenCharsMin: 16,
  tokenCharsMax: 512,
  tokenLifeSecondsMax: 10 * 365 * 24 * 60 * 60,
  /** A token's last use is written at most this often. */
  tokenUseMs: 60_000,
} as const
