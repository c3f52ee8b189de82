/** Paths into a document: `routes.shop.rules[3].headers["x y"]`, as lists of steps and as people read them. */

/** A key of an object, or an index of a list. */
export type Step = string | number

const PLAIN = /^[A-Za-z_][A-Za-z0-9_-]*$/
const STEP = /\[(0|[1-9][0-9]{0,14})\]|\[("(?:[^"\\]|\\.)*")\]|\.?([A-Za-z_][A-Za-z0-9_-]*)/y

export function formatPath(steps: readonly Step[]): string {
  let text = ""
  for (const step of steps) {
    if (typeof step === "number") text += `[${step}]`
    else if (!PLAIN.test(step)) text += `[${JSON.stringify(step)}]`
    else text += text === "" ? step : `.${step}`
  }
  return text
}

/** The steps of a path that `formatPath` wrote; undefined for any other text. */
export function parsePath(text: string): Step[] | undefined {
  const steps: Step[] = []
  STEP.lastIndex = 0
  while (STEP.lastIndex < text.length) {
    const found = STEP.exec(text)
    if (!found) return undefined
    const [, index, quoted, plain] = found
    if (index !== undefined) steps.push(Number(index))
    else if (quoted !== undefined) steps.push(JSON.parse(quoted) as string)
    else steps.push(plain!)
  }
  return formatPath(steps) === text ? steps : undefined
}
