/** What Spring's filter SecureHeaders gives answers that have none of their own. */
import { type Fields, list, text } from "./gateway-api.ts"

const USUAL: Readonly<Record<string, string>> = {
  "x-xss-protection": "1 ; mode=block",
  "strict-transport-security": "max-age=631138519",
  "x-frame-options": "DENY",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "content-security-policy": "default-src 'self' https:; object-src 'none'",
  "x-download-options": "noopen",
  "x-permitted-cross-domain-policies": "none",
}
/** Only where it is asked for. */
const ASKED: Readonly<Record<string, string>> = { "permissions-policy": "camera=(), microphone=()" }

export function secureHeaders(args: Fields): { [name: string]: string } {
  const [asked, left] = [args.enable, args.disable].map((names) =>
    list(names).map((name) => String(name).toLowerCase()),
  )
  const all = { ...USUAL, ...Object.fromEntries(Object.entries(ASKED).filter(([name]) => asked!.includes(name))) }
  const chosen = Object.entries(all).filter(([name]) => !left!.includes(name))
  return Object.fromEntries(chosen.map(([name, value]) => [name, written(name, args) ?? value]))
}

/** `strict-transport-security` is `strictTransportSecurityHeaderValue`, or without the last two words. */
function written(name: string, values: Fields): string | undefined {
  const camel = name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
  return text(values[`${camel}HeaderValue`]) ?? text(values[camel])
}
