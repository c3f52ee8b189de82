/** The process around the CLI: arguments in, exit code out. Everything else is in program.ts. */
import { EXIT } from "./command.ts"
import { processIo } from "./io.ts"
import { run } from "./program.ts"

// `weft get routes | head` closes the pipe early; that is not a failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0)
  throw error
})

try {
  process.exitCode = await run(process.argv.slice(2), processIo())
} catch (error) {
  process.stderr.write(`weft failed, and this is a bug:\n${error instanceof Error ? error.stack : String(error)}\n`)
  process.exitCode = EXIT.problems
}
