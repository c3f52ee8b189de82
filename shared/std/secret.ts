/** Values that are for those who use them, not for those who look at a configuration: told by the names they stand under. */

/** Stands where a secret was. Written back to the same place, it means: as it is. */
export const SECRET = "(secret)"

const NAMES = /^(proxy-)?authorization$|^(set-)?cookie2?$/
const PARTS = /(^|[-_.])(api[-_]?key|apikey|auth|credential|passwd|password|secret|session|signature|token)s?($|[-_.])/

/** Whether a header, cookie or query parameter of this name is likely to carry a secret. */
export function isSecretName(name: string): boolean {
  const lower = name.toLowerCase()
  return NAMES.test(lower) || PARTS.test(lower)
}

export function hideSecret(name: string, value: string): string {
  return isSecretName(name) ? SECRET : value
}
