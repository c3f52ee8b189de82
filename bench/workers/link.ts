/** A service in a chain: passes the request on to the next, with the headers that it came with. */
export default {
  fetch: (request, { NEXT }) => NEXT.fetch(new Request("http://next/", { headers: request.headers })),
} satisfies ExportedHandler<{ readonly NEXT: Fetcher }>
