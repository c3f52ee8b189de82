/** The process around the CLI: arguments in, exit code out. Everything else is in program.ts. */
import { processIo } from "./io.ts"
import { run } from "./program.ts"

// `weft get routes | head` closes the pipe early; that is not a failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0)
  throw error
})

process.exitCode = await run(process.argv.slice(2), processIo())
