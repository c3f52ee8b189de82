/** Waits for an answer, and for no longer than somebody has patience. */

const LATE = Symbol("late")

/** The answer; after so many milliseconds without one, what `late` makes of it, or what it throws. No timer is left behind. */
export async function inTime<T, L>(answer: Promise<T>, ms: number, late: () => L): Promise<T | L> {
  let timer: ReturnType<typeof setTimeout> | null = null
  const over = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(() => resolve(LATE), ms)
  })
  try {
    const first = await Promise.race([answer, over])
    return first === LATE ? late() : first
  } finally {
    if (timer !== null) clearTimeout(timer)
  }
}
