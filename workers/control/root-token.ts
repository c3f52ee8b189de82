/** Whether the control Worker's own secret is one that nobody can guess. A weak one is as good as none, and treated so. */
import { LIMITS } from "#shared/model/limits.ts"

const DISTINCT_MIN = 8
/** Characters that must be left when the words are taken out. */
const REST_MIN = 8

/** What people put where a secret should be: placeholders of guides, and the names of the thing itself. */
const WORDS = [
  ...["admin", "administrator", "apikey", "change", "changeme", "control", "default", "demo", "dev", "example"],
  ...["hunter2", "letmein", "local", "master", "mesh", "password", "passwd", "placeholder", "prod", "replace", "root"],
  ...["sample", "secret", "staging", "super", "test", "todo", "token", "user", "weft", "welcome", "your"],
].sort((a, b) => b.length - a.length)

/** What is wrong with a root token; undefined when nothing is. */
export function weaknessOf(token: string): string | undefined {
  if (token.length < LIMITS.tokenCharsMin) return `it has fewer than ${LIMITS.tokenCharsMin} characters`
  if (!/^[\x21-\x7e]+$/.test(token)) return "it has characters that cannot stand in a header"
  if (new Set(token).size < DISTINCT_MIN) return `it has fewer than ${DISTINCT_MIN} different characters`
  if (isSequence(token)) return "it follows the alphabet or the keyboard"
  const rest = WORDS.reduce((text, word) => text.replaceAll(word, ""), token.toLowerCase()).replaceAll(/[^a-z0-9]/g, "")
  if (rest.length < REST_MIN || new Set(rest).size < DISTINCT_MIN / 2)
    return "it is made of words that anybody would try"
  return undefined
}

const KEYBOARD = "qwertyuiopasdfghjklzxcvbnm"

/** More than half of its steps go to the neighbour, or it repeats itself. */
function isSequence(token: string): boolean {
  const text = token.toLowerCase()
  let near = 0
  for (let index = 1; index < text.length; index++) {
    const step = text.charCodeAt(index) - text.charCodeAt(index - 1)
    const keys = KEYBOARD.indexOf(text[index]!) - KEYBOARD.indexOf(text[index - 1]!)
    if (Math.abs(step) <= 1 || (KEYBOARD.includes(text[index]!) && Math.abs(keys) <= 1)) near += 1
  }
  // A text that repeats itself is found in its own double before its end.
  const period = `${text}${text}`.indexOf(text, 1)
  return near > text.length / 2 || period <= text.length / 2
}
