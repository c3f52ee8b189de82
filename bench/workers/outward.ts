/** The least that a Worker before an upstream elsewhere can do. */
export default { fetch: (request, { UPSTREAM }) => UPSTREAM.fetch(request) } satisfies ExportedHandler<{
  readonly UPSTREAM: Fetcher
}>
