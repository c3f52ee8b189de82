/**
 * What a browser is shown that asks for the reference without a token: a form for one. The page itself tells nothing of the mesh or its
 * API. Its script asks again with the token, shows what comes, and forgets the token with the page: no cookie, no storage, no
 * address has it, and no other request of the browser carries it.
 */
import { html, raw } from "hono/html"
import { pageResponse } from "./page.ts"
import { STYLE } from "./reference-style.ts"

/** The paths that people open by hand: what control's address alone leads to, and the reference. */
const PATHS: ReadonlySet<string> = new Set(["/", "/reference"])

/** Whether a person is there who could be asked. */
export function wantsPage(request: Request, path: string): boolean {
  const isRead = request.method === "GET" || request.method === "HEAD"
  return isRead && PATHS.has(path) && request.headers.get("accept")?.includes("text/html") === true
}

export async function signInPage(): Promise<Response> {
  const nonce = crypto.randomUUID()
  return pageResponse({
    ...{ nonce, text: String(await pageOf(nonce)), status: 401 },
    may: [`script-src 'nonce-${nonce}'`, "connect-src 'self'"],
    // Not Basic: the browser would ask by itself, for a name as well, and keep what it is given.
    headers: { "www-authenticate": 'Bearer realm="weft"' },
  })
}

function pageOf(nonce: string) {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Weft control</title>
<style nonce="${nonce}">${raw(STYLE)}${raw(FORM_STYLE)}</style>
</head>
<body>
<form id="form">
<h1>Weft control</h1>
<p>A token shows the reference of this API.</p>
<label for="token">Token</label>
<input id="token" type="password" autocomplete="off" spellcheck="false" required autofocus>
<button>Show the reference</button>
<p id="said" role="status"></p>
<p class="soft">A local start says its token, and leaves it in <code>.weft/token</code>. An admin makes others by
<code>weft token create</code>. It is kept until you leave this page.</p>
<noscript><p>Without scripts: <code>curl -H "Authorization: Bearer $WEFT_TOKEN"</code> and this address.</p></noscript>
</form>
<script nonce="${nonce}">${raw(SCRIPT)}</script>
</body>
</html>`
}

const FORM_STYLE = `
form { max-width: 26rem; margin: 12vh auto 0; padding: 0 1.25rem }
label { display: block; margin: 1.25rem 0 .25rem; font-size: .8125rem; color: var(--soft) }
input, button { font: inherit; padding: .5rem .75rem; border: 1px solid var(--line); border-radius: 6px }
input { width: 100%; background: var(--shade); color: inherit }
button { margin-top: .75rem; background: var(--link); color: var(--paper); cursor: pointer }
#said { min-height: 1.55em; color: var(--delete) }
`

const SCRIPT = `
const form = document.getElementById("form")
const said = document.getElementById("said")
const REASONS = {
  401: "This token is not known here, or it has ended.",
  403: "This token may not read the reference: it takes the role viewer.",
  429: "Too many wrong tokens came from here. Wait a minute.",
}
form.addEventListener("submit", async (event) => {
  event.preventDefault()
  const token = document.getElementById("token").value.trim()
  const ask = (path) => fetch(path, { headers: { authorization: "Bearer " + token }, credentials: "omit", redirect: "error" })
  said.textContent = ""
  try {
    const response = await ask("/reference")
    if (!response.ok) throw new Error(REASONS[response.status] ?? "Control answers " + response.status + ".")
    // Its look is this page's; a style of its own would not be taken here.
    const text = (await response.text()).replace(/<style[^]*?<\\/style>/, "")
    const page = new DOMParser().parseFromString(text, "text/html")
    document.title = page.title
    form.replaceWith(page.querySelector(".page"))
    if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView()
    follow(ask)
  } catch (error) {
    said.textContent = error instanceof TypeError ? "Control does not answer, or this is no token." : error.message
  }
})
/** A link carries no token: the document comes as a file. */
function follow(ask) {
  const link = document.querySelector('a[href="/openapi.json"]')
  link.addEventListener("click", async (event) => {
    event.preventDefault()
    const file = document.createElement("a")
    file.href = URL.createObjectURL(await (await ask("/openapi.json")).blob())
    file.download = "openapi.json"
    file.click()
    URL.revokeObjectURL(file.href)
  })
}
`
