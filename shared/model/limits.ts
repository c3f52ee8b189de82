/** Every limit has a name and stands here. Sizes in bytes, times in milliseconds. */

import { ALERTING_LIMITS } from "./alerting-limits.ts"
import { IDENTITY_LIMITS } from "./identity-limits.ts"
import { CONTROL_LIMITS } from "./limits-control.ts"
import { PROPAGATION_LIMITS } from "./propagation-limits.ts"
import { ROLLOUT_LIMITS } from "./rollout-limits.ts"
import { TRACE_LIMITS } from "./trace-limits.ts"

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

  /** How long the small body of a public request may take to come: until then no upstream is asked. */
  bodyWaitMs: 20_000,
  /** A request with a larger body is not mirrored: the copy waits in memory while its backend is slow. */
  mirrorBodyBytesMax: 1024 * 1024,

  ...PROPAGATION_LIMITS,
  ...IDENTITY_LIMITS,
  ...ALERTING_LIMITS,
  ...TRACE_LIMITS,
  ...ROLLOUT_LIMITS,

  documentBytesMax: 4 * 1024 * 1024,
  documentDepthMax: 64,
  /** Values in a document after its aliases are followed. */
  documentValuesMax: 1_000_000,
  aliasesMax: 100,
  snapshotBytesMax: 8 * 1024 * 1024,
  servicesMax: 2_000,
  subsetsMax: 64,
  endpointsMax: 64,
  routesMax: 10_000,
  rulesMax: 256,
  matchesMax: 64,
  valueMatchesMax: 16,
  /** Conditions on one of them. */
  valueTestsMax: 4,
  backendsMax: 16,
  filtersMax: 16,
  headerChangesMax: 64,
  hostnamesMax: 64,
  /** Of one route: hostnames by listeners, and services. */
  attachmentsMax: 4_096,
  gatewaysMax: 256,
  listenersMax: 64,
  /** Proxies of one's own before the edge, and networks that they are in. */
  trustedHopsMax: 16,
  trustedPeersMax: 64,
  callersMax: 64,
  corsValuesMax: 64,
  /** Browsers take less: Firefox a day, Chrome two hours. */
  corsMaxAgeMsMax: 31 * 24 * 60 * 60 * 1000,
  weightMax: 1_000_000,
  sessionMaxAgeMsMax: 31 * 24 * 60 * 60 * 1000,
  retryAttemptsMax: 10,
  retryConditionsMax: 16,
  /** An upstream that asks to be left alone for longer is: its answer stands. */
  retryAfterMsMax: 30_000,
  hedgesMax: 3,
  breakerProbesMax: 100,
  breakerVolumeMax: 1_000_000,
  retryBudgetMax: 1_000,
  /** How long a probe may take; the next may begin only then, should this one never be heard of again. */
  breakerLeaseMs: 10_000,
  /** A probe that is not begun by then is not begun at all. */
  breakerLeaseUseMs: 2_000,
  /** Isolates tell of what they saw at most this often, and at once when they trip. */
  breakerReportMs: 1_000,
  /**
   * Reports that one object is meant to carry in a second: beyond, isolates report less often, down to the next figure. Beyond that as
   * well, only some of them report each time, chosen by lot, so that one does so once in the last figure on average.
   */
  breakerReportsPerSecond: 200,
  breakerReportMsMax: 5_000,
  breakerPaceMsMax: 60_000,
  /** An isolate that has heard nothing for this long goes by its own breaker. */
  breakerVerdictMs: 15_000,
  /** A report that takes longer is given up on. */
  breakerCallMs: 2_000,
  /** Answers that an isolate keeps for open breakers, and their bytes; and how large one of them may be. */
  staleEntriesMax: 1_000,
  staleBytesMax: 8 * 1024 * 1024,
  staleBodyBytesMax: 256 * 1024,
  staleAgeMsMax: 24 * 60 * 60 * 1000,
  /** Copies of answers that are made at a time, and how long one may take. */
  staleCopiesMax: 16,
  staleCopyMs: 5_000,
  breakerForceSecondsMax: 24 * 60 * 60,
  /** Breakers in the feed, and how long one that closed is still told of. */
  verdictsMax: 500,
  verdictClosedMs: 60_000,
  /** Regions of a balancer, and data centres of a region. */
  regionsMax: 64,
  colosMax: 500,
  /** Thresholds, places and other counts in policies. */
  figureMax: 1_000_000,
  /** An attempt that was not heard of for so long is taken for over: its caller went away, and the runtime said nothing. */
  attemptMsMax: 5 * 60 * 1000,
  /** Between two looks for attempts whose callers have gone away, when places run short. */
  goneLookMs: 10,
  /** An RPC attempt that holds a place says so often that it is alive, and is taken for over when it has not for so long. */
  attemptBeatMs: 1_000,
  attemptSilenceMs: 3_000,
  /** An attempt with less time than this says nothing about the upstream; nor one with less than twice what answers take. */
  fairAttemptMs: 50,
  /** The same, as long as no answer has come. */
  fairFirstAttemptMs: 1_000,
  timeoutMsMax: 60 * 60 * 1000,
  matchValueCharsMax: 1_024,
  headerValueCharsMax: 8 * 1024,
  regexCharsMax: 1_024,
  /** Steps of a compiled expression: bounds what one character of input can cost. */
  regexProgramMax: 1_000,
  /** Steps of all expressions of a mesh: about 100 ms of compiling and 14 MB in each isolate. */
  regexProgramsMax: 32_000,
  /** Longer texts are cut before an expression reads them. */
  regexTextCharsMax: 8 * 1024,
  /** Places of one path that an expression is replaced in. */
  regexReplacementsMax: 8,

  /** Rate limits of one rule, and values that make up one key. */
  rateLimitsMax: 8,
  limitKeyPartsMax: 4,
  limitTokensMax: 1_000_000_000,
  limitPeriodMsMin: 1_000,
  limitPeriodMsMax: 31 * 24 * 60 * 60 * 1000,
  /** A limit that asks for each request is for small rates. */
  limitExactPerSecondMax: 100,
  /** Keys that one isolate counts; the least worth knowing of the longest unused is forgotten. */
  limitKeysMax: 10_000,
  /** Limits that one isolate talks to limiters about. */
  limitLinksMax: 10_000,
  /** Keys that one limiter counts, in memory and in storage. */
  limiterKeysMax: 100_000,
  /** A longer key stands in memory as its hash. */
  limitKeyCharsMax: 256,
  /** Limiters that share the keys of one limit. */
  limiterShards: 16,
  /** What an isolate leases ahead is worth nothing after this. */
  limitLeaseMs: 2_000,
  /** A limiter forgets a lease that nobody told it of for this long: by far after it expired, and after its rest should have come back. */
  limiterAccountMs: 5_000,
  /** Isolates that one limiter leases one bucket's tokens to at a time. */
  limiterAccountsMax: 10_000,
  /** An isolate that was granted less than it asked for waits this long, give or take a half, before it asks again. */
  limitAskMs: 100,
  /** How long the first requests for a key wait for its tokens at most, and every request of an exact limit. */
  limitWaitMs: 50,
  /** An ask that takes longer has failed. */
  limitCallMs: 500,
  /** After a failure isolates go on alone, and longer when the limiter is overloaded; jittered by a quarter either way. */
  limitAloneMs: 1_000,
  limitOverloadedMs: 5_000,
  /** Keys in one call to a limiter. */
  limitAsksMax: 256,
  /** Buckets that are full again sooner than this are kept in memory only: a limiter that sits idle for less is not evicted. */
  limitVolatileMs: 10_000,
  authenticationsMax: 256,
  /** Of one authentication: issuers; of one issuer: audiences, places where tokens are looked for, headers for claims. */
  tokenProvidersMax: 32,
  audiencesMax: 64,
  credentialPlacesMax: 8,
  claimHeadersMax: 32,
  /** A longer token is refused before it is decoded. */
  jwtBytesMax: 16 * 1024,
  /** Nested objects and lists of a token's payload. */
  jwtDepthMax: 16,
  /** How far the clocks of issuer and mesh may be apart. */
  clockSkewMs: 60_000,
  keyIdCharsMax: 256,
  jwksBytesMax: 64 * 1024,
  jwksKeysMax: 100,
  /** Of an RSA key. */
  rsaBitsMin: 2_048,
  rsaBitsMax: 8_192,
  /** All of a fetch of keys, its body too. */
  jwksFetchMs: 10_000,
  /** How long keys are gone by before they are fetched anew, and how much longer they are while that goes on. */
  jwksFreshMs: 300_000,
  jwksStaleMs: 300_000,
  /** While they cannot be fetched, keys are gone by for so long altogether. */
  jwksLastMs: 3_600_000,
  /** A token that names an unknown key has keys fetched at most this often. */
  jwksRefreshMs: 30_000,
  /** After a failed fetch the next one waits this long, twice as long after each further one, up to the figure above. */
  jwksRetryMs: 1_000,
  /** How long requests wait for an issuer's first keys, and for fresh ones when older ones are at hand. */
  jwksWaitMs: 5_000,
  jwksAnewWaitMs: 1_000,
  /** API keys that are valid, and as many that were revoked. */
  apiKeysMax: 10_000,
  apiKeyScopesMax: 64,
  apiKeyLifeSecondsDefault: 365 * 24 * 60 * 60,
  apiKeyOwnerCharsMax: 255,
  /** Keys whose use an isolate reports with one pull, and how often a relay passes that on. */
  apiKeyUsesMax: 1_000,
  apiKeyUseReportMs: 10_000,
  /** Verified tokens that an isolate remembers, and how long one of them is: a longer one is verified each time. */
  verifiedTokensMax: 2_000,
  verifiedTokenCharsMax: 4_096,
  /** Services, and gateways, that one security resource names. */
  targetsMax: 256,
  /** Access policies of a mesh, and what one of them may hold. */
  policiesMax: 2_000,
  policyRulesMax: 128,
  policySourcesMax: 64,
  policyConditionsMax: 64,
  policyValuesMax: 256,
  claimDepthMax: 8,
  /** Policies that a record names. */
  policiesTold: 8,
  /** What an authorizer may take, be sent and answer. Its own answer, when it refuses, reaches the client up to this size. */
  authorizerMsMax: 30_000,
  authorizerHeadersMax: 64,
  authorizerBodyBytesMax: 64 * 1024,
  authorizerAnswerBytesMax: 64 * 1024,

  healthIntervalMsMin: 1_000,
  healthTimeoutMsMax: 60_000,
  healthThresholdMax: 100,
  healthStatusesMax: 16,
  /** Within which the checks of all services begin that one revision concerns. */
  healthStartMs: 500,
  /** Places of one service that are checked, subsets included. */
  healthPlacesMax: 64,
  /** Checks that one alarm asks of the proxy: each is an invocation of a Worker, of which a request may cause 32. */
  healthBatchMax: 16,
  /** How long an object waits for the checks of a batch beyond their own time. */
  healthPatienceMs: 5_000,
  /** When a proxy does not answer, or not by routes that are new enough: the first wait, doubled by each that follows, and the longest. */
  healthRetryMs: 2_000,
  healthRetryMsMax: 60_000,
  /** How often an object says that all is well, so that `weft status` can tell silence from health. */
  healthHeartbeatMs: 60_000,
  /** Objects that one alarm of the route table tells of a change, and the least wait before it tries again those it could not reach. */
  announcementsMax: 50,
  announcementRetryMs: 2_000,
  problemsMax: 100,
  /** Comparisons of matches with one another; what is beyond them is not looked at. */
  lintStepsMax: 500_000,
  /** Routes that requests are handed on to, one after the other, and the rules that this makes in a mesh. */
  delegationsMax: 4,
  delegatedRulesMax: 20_000,
  messageCharsMax: 1_024,
  responseBodyCharsMax: 64 * 1024,

  /** Series that one isolate tells apart between two reports, and that one shard of telemetry does; what is beyond is `other`. */
  isolateSeriesMax: 1_000,
  shardSeriesMax: 5_000,
  shardTalliesMax: 1_000,
  /** Telemetry of the last hour is kept in steps of ten seconds. */
  telemetrySlotMs: 10_000,
  telemetrySlots: 360,
  /** Sums are stored as a whole every so many slots; a shard that restarts reads the slots since then. */
  telemetryBaseSlots: 30,
  /** A shard writes at most this often. */
  telemetryStoreMs: 1_000,
  /** The platform ends what a request leaves behind 30 s after its response: by then its last call has to be over. */
  backgroundMs: 28_000,
  /** How long an isolate counts before it reports; longer when a shard has more than it can take in. */
  telemetryPaceMs: 3_000,
  telemetryPaceMsMax: 16_000,
  shardReportsPerSecond: 200,
  /** So many requests are reported at once, but not twice within the gap; longer when a shard has more than it can take in. */
  telemetryRequests: 2_000,
  telemetryGapMs: 500,
  /** A report that takes longer has failed; it is tried again, ever less often, and given up on in the end. */
  telemetryCallMs: 5_000,
  telemetryHeldMs: 15 * 60 * 1000,
  isolateTalliesMax: 256,
  /** How long readers wait for a shard. */
  shardAnswerMs: 3_000,
  statsPointsMax: 120,
  /** Isolates whose last report a shard remembers, so that it counts none twice. */
  telemetryIsolatesMax: 10_000,
  /** RPC methods of one service that are told apart. */
  methodsMax: 64,
  methodCharsMax: 64,
  /** Of a label: ids of rules that hand requests on are made of several. */
  labelCharsMax: 1_024,

  ...CONTROL_LIMITS,
} as const
