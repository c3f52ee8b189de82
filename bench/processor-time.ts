/** What processes have had of the processors: on a shared machine it says more than the time that passed. */
import { readdir, readFile } from "node:fs/promises"

/** What all threads of a process have had so far, in microseconds; 0 where there is no /proc. */
export async function processorUs(process: number): Promise<number> {
  const threads = await readdir(`/proc/${process}/task`).catch(() => [])
  const times = await Promise.all(
    threads.map((thread) => readFile(`/proc/${process}/task/${thread}/schedstat`, "utf8").catch(() => "0")),
  )
  return times.reduce((sum, line) => sum + Number(line.split(" ")[0]) / 1000, 0)
}
