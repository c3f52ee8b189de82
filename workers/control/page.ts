/** Pages for a browser: they load nothing from elsewhere, and take only the styles and scripts that this answer brought. */

export interface Page {
  readonly nonce: string
  readonly text: string
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** What the page may do beyond its own style, as directives. */
  readonly may?: readonly string[]
}

export function pageResponse({ nonce, text, status = 200, headers, may = [] }: Page): Response {
  const policy = [
    ...["default-src 'none'", `style-src 'nonce-${nonce}'`, ...may],
    ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
  ].join("; ")
  return new Response(text, {
    status,
    headers: { "content-type": "text/html; charset=utf-8", "content-security-policy": policy, ...headers },
  })
}
