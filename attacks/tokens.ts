/**
 * Tokens as prose describes them: `exp = now-59 s`, `{alg:ES256} signed with a P-384 key`, `<valid token> with '=' substituted`. What a
 * description does not say is as it should be, so that the one thing that it does say decides. Several ("a or b") are several tokens.
 */
import type { Keys } from "./keys.ts"
import { bake, fresh, type Recipe } from "./recipe.ts"
import { sayingsAt } from "./sayings.ts"

/** The tokens, or what of the description is not understood. */
export function readTokens(
  text: string,
  keys: Keys,
  nowSeconds: number,
): string[] | { readonly notUnderstood: string } {
  // Nobody's token: it says nothing that could be taken for a description.
  if (/^[\w-]*(\.[\w-]*)*$/.test(text)) return [text]
  const tokens: string[] = []
  let before = ""
  for (const part of alternatives(text)) {
    // "aud: {'api':1} or [['api']]", "exp: 1e400 / NaN / negative": what is said of it is said once.
    const whole =
      before !== "" && !/^[a-z]+\s*[:=]|^[<{]|^(no|typ|payload|a|an|id)\b/i.test(part) ? `${before} ${part}` : part
    before = /^[a-z]+\s*[:=]/i.exec(whole)?.[0] ?? ""
    const recipe = fresh(nowSeconds)
    const rest = follow(recipe, whole, keys, nowSeconds)
    if (rest !== "") return { notUnderstood: rest }
    tokens.push(...bake(recipe, keys))
  }
  return tokens
}

function alternatives(text: string): string[] {
  return text.split(/ or (?!signature)| \/ /).map((part) => part.trim())
}

function follow(recipe: Recipe, description: string, keys: Keys, nowSeconds: number): string {
  let rest = description
  for (let moved = true; moved && rest !== ""; ) {
    moved = false
    for (const { says, means } of sayingsAt(nowSeconds)) {
      const words = says.exec(rest)
      if (words?.index !== 0) continue
      const left = means(recipe, words, keys)
      if (left === false) continue
      rest = (left ?? rest.slice(words[0].length)).replace(/^[\s,;]+/, "")
      moved = true
      break
    }
  }
  return rest
}
