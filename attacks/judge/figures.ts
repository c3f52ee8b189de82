/**
 * Limits that an assertion names: `> 16 KiB`, `at most 5`, `<= 60 s`. A limit is judged where something measures it, or where the case goes
 * up to it, so that its status tells; of any other nothing is known, and a case that names one does not pass.
 */
import type { AttackCase } from "#attacks/case.ts"

const UNITS: Readonly<Record<string, number>> = {
  kb: 1e3,
  kib: 1024,
  mb: 1e6,
  mib: 1024 ** 2,
  gb: 1e9,
  gib: 1024 ** 3,
  ms: 0.001,
  s: 1,
  min: 60,
  h: 3600,
}

const NUMBER = String.raw`(\d[\d,]*(?:\.\d+)?|2\^31)(?: ?(KiB|MiB|GiB|kB|MB|GB|ms|s|min|h)\b)?`
const BOUND = new RegExp(
  String.raw`(?:[<>≤≥]=?|\b(?:at most|no more than|max(?:imum)?(?: of)?|capped at|cap(?: of)?|limit(?:ed)?(?: to| of)?|within|over|under|above|below|beyond|longer than|larger than|more than|exceed(?:s|ing)?)) ?` +
    NUMBER,
  "gi",
)

/** The limits of the assertion that neither `judged`, texts of it that something measured, nor the case itself is about. */
export function unjudgedFigures({ setup, request, expect }: AttackCase, judged: readonly string[]): string[] {
  const open = judged.reduce((text, part) => (part.length > 1 ? text.replace(part, " ") : text), expect.assert)
  const reached = extentsOf(setup, request)
  return [...open.matchAll(BOUND)].flatMap(([text, digits, unit]) => {
    const isReached = reached.some(
      (extent) => extent.isTime === isTime(unit) && extent.value >= measureOf(digits!, unit),
    )
    return isReached ? [] : [`assert: nothing here measures ${JSON.stringify(text)}`]
  })
}

interface Extent {
  readonly value: number
  readonly isTime: boolean
}

/** How far a case goes: in what it describes, and in what it sends. */
function extentsOf(setup: string, { rawPath, headers, body }: AttackCase["request"]): Extent[] {
  const described = [setup, body ?? "", ...headers.map(([, value]) => value), rawPath].filter(
    (text) => text.length < 1_000,
  )
  const numbers = described.flatMap((text) => [...text.matchAll(new RegExp(NUMBER, "gi"))])
  const sizes = headers.map(([name, value]) => name.length + value.length)
  const counted = [
    ...sizes,
    sizes.reduce((sum, size) => sum + size, 0),
    headers.length,
    rawPath.length,
    body?.length ?? 0,
  ]
  return [
    ...numbers.map(([, digits, unit]) => ({ value: measureOf(digits!, unit), isTime: isTime(unit) })),
    ...counted.map((value) => ({ value, isTime: false })),
  ]
}

function isTime(unit: string | undefined): boolean {
  return /^(ms|s|min|h)$/i.test(unit ?? "")
}

function measureOf(digits: string, unit = ""): number {
  const number = digits === "2^31" ? 2 ** 31 : Number(digits.replaceAll(",", ""))
  return number * (UNITS[unit.toLowerCase()] ?? 1)
}
