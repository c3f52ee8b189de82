/** A service that works, but for what is said to fail. */
export default {
  fetch(request: Request): Response {
    const { pathname } = new URL(request.url)
    return new Response(pathname, { status: pathname.startsWith("/broken") ? 500 : 200 })
  },
}
