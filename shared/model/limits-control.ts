/** The limits of the control plane, a part of those in limits.ts. Sizes in bytes, times in milliseconds. */
export const CONTROL_LIMITS = {
  /** Small requests: everything but plan and apply. */
  controlBodyBytesMax: 16 * 1024,
  /** A request in words, with all the headers that a request may have. */
  explainBodyBytesMax: 128 * 1024,
  documentsMax: 1_000,
  /** What is told of objects in other languages than the native one, the worst first. */
  notesMax: 1_000,
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
  /** Endpoints that one isolate tells it has found fault with. */
  outliersMax: 64,
  tokensMax: 1_000,
  tokenCharsMin: 16,
  tokenCharsMax: 512,
  /** Namespaces that a token may be limited to. */
  tokenNamespacesMax: 64,
  tokenLifeSecondsMax: 10 * 365 * 24 * 60 * 60,
  /** Of a token that is made without a word about its end. */
  tokenLifeSecondsDefault: 90 * 24 * 60 * 60,
  /** Requests that one token may make, where control's config says nothing else; a quarter of them may come at once. */
  tokenRequestsPerMinute: 1_200,
  /** A request that may write costs as much as so many that only read. */
  tokenWriteCost: 5,
  /** Wrong tokens that one address may present; of IPv6 its /64 network counts. */
  tokenFailuresPerMinute: 20,
  /** Wrong tokens a second that an isolate looks up for one address at all. */
  tokenLookupsPerSecond: 5,
  tokenAddressesMax: 10_000,
  /** A token's last use is written at most this often. */
  tokenUseMs: 60_000,

  /** Entries of the audit log: what was done, what failed, and what was denied. */
  auditDeedsMax: 100_000,
  auditFailuresMax: 20_000,
  auditDenialsMax: 10_000,
  /** And of what was read of people's requests: taps, traces, previews. */
  auditReadsMax: 20_000,
  /** Equal denials within this time are one entry with a count. */
  auditDenialWindowMs: 10 * 60 * 1000,
  /** Different denials in one such window, and those that an isolate collects; beyond, addresses are no longer told apart. */
  auditDenialKeysMax: 200,
  /** An isolate tells of denials at most this often. */
  auditFlushMs: 5_000,
  /** How long the audit log is waited for: before a write is begun, and after it is done. */
  auditBeginMs: 5_000,
  auditEndMs: 1_000,
  /** How long a body may take to come, and the whole answer. */
  controlBodyMs: 10_000,
  controlAnswerMs: 25_000,
} as const
