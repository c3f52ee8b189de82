/** A checkup as people read it: a heading a section, a line a check, and below what is wrong what to do about it. */
import { type Check, SECTIONS } from "./checkup-kit.ts"
import type { Paint } from "./output.ts"

const MARKS = {
  ok: ["green", "✓"],
  warning: ["yellow", "!"],
  problem: ["red", "✗"],
  skipped: ["dim", "-"],
} as const

const WEIGHT = { problem: 0, warning: 1, ok: 2, skipped: 3 } as const

export function checkLines(checks: readonly Check[], paint: Paint): string {
  return SECTIONS.flatMap((section) => {
    const own = checks.filter((check) => check.section === section)
    const worst = [...own].sort((a, b) => WEIGHT[a.state] - WEIGHT[b.state])
    return own.length === 0
      ? []
      : [`${paint("bold", section)}\n${worst.map((check) => lineOf(check, paint)).join("")}\n`]
  }).join("")
}

function lineOf({ state, path, message, hint }: Check, paint: Paint): string {
  const [style, mark] = MARKS[state]
  const place = path === undefined ? "" : `${paint("yellow", path)}  `
  const advice = hint === undefined ? "" : `      ${paint("cyan", hint)}\n`
  return `  ${paint(style, mark)} ${place}${message}\n${advice}`
}
