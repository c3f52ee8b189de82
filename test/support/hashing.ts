/** Hashes are made beside the event loop, in whatever time a busy machine takes: a story goes on when none is under way. */
import { vi } from "vitest"

let underWay = 0

/** From now on, until mocks are restored. */
export function watchHashing(): void {
  const digest = crypto.subtle.digest.bind(crypto.subtle)
  underWay = 0
  vi.spyOn(crypto.subtle, "digest").mockImplementation(async (...args) => {
    underWay += 1
    try {
      return await digest(...args)
    } finally {
      underWay -= 1
    }
  })
}

/** Until nothing goes on by itself any more. */
export async function idle(): Promise<void> {
  for (let quiet = 0; quiet < 3; quiet = underWay === 0 ? quiet + 1 : 0) {
    await new Promise((resolve) => setImmediate(resolve))
  }
}
