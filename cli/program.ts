/** From arguments to a command and its exit code: the rows of rows.ts as a Commander program. */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander"
import { parseDuration } from "#shared/std/duration.ts"
import { type CommandRow, EXIT, type ExitCode, type OptionKind, type Options } from "./command.ts"
import { DEFAULT_URL } from "./connection.ts"
import type { Io, Stream } from "./io.ts"
import { gated, painter } from "./output.ts"
import { COMMANDS, GROUPS } from "./rows.ts"

const EPILOGUE = `
Exit codes:
  0  done                     1  the input or the mesh has problems (diff: there are differences)
  2  wrong usage (diff: also wrong input)
  3  control did not answer, or failed              4  not allowed

Environment:
  WEFT_URL    control's address; without it, that of the mesh that runs in the nearest folder upwards (.weft/control),
              else ${DEFAULT_URL}
  WEFT_TOKEN  the token; without it, for a control on this machine, .weft/token of the nearest folder upwards
  NO_COLOR    no colors`

const CONFIRM = "carry it out without asking, even if it removes more than half of a kind or the last of it"

/** Runs one command line, without the program's own name. Never throws for what a person may do wrong. */
export async function run(argv: readonly string[], world: Io): Promise<ExitCode> {
  const colored = (stream: Stream) => painter(world, stream)("bold", "") !== ""
  const io: Io = { ...world, out: gated(world.out, colored(world.out)), err: gated(world.err, colored(world.err)) }
  if (argv[0] === "complete") {
    const { complete } = await import("./commands/completion.ts")
    return complete(
      buildProgram(io, () => undefined),
      argv.slice(1),
      io,
    )
  }
  let exit: ExitCode = EXIT.ok
  const program = buildProgram(io, (code) => {
    exit = code
  })
  try {
    if (argv.length === 0) program.outputHelp()
    else await program.parseAsync(argv[0] === "--version" ? ["version"] : argv, { from: "user" })
    return exit
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    throw error
  }
}

export function buildProgram(io: Io, done: (exit: ExitCode) => void): Command {
  const program = new Command("weft")
    .description("A service mesh woven into Cloudflare Workers.")
    .usage("<command> [options]")
    .helpOption("-h, --help", "show help; also after any command")
    .helpCommand(false)
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .configureOutput({ writeOut: (text) => io.out.write(text), writeErr: (text) => io.err.write(text) })
    .exitOverride()
    .addHelpText("after", EPILOGUE)
  for (const row of COMMANDS) addCommand(program, row, io, done)
  return program
}

function addCommand(program: Command, row: CommandRow, io: Io, done: (exit: ExitCode) => void): void {
  const words = row.path.split(" ")
  const parent = words.length === 1 ? program : group(program, words[0]!)
  const command = parent.command(row.args ? `${words.at(-1)} ${row.args}` : words.at(-1)!).description(row.summary)
  for (const [flags, description, kind] of row.options ?? []) command.addOption(optionOf(flags, description, kind))
  if (row.data) command.addOption(optionOf("-o, --output <format>", "for programs", ["table", "json", "yaml"]))
  if (row.confirms) command.addOption(optionOf("--confirm", CONFIRM))
  if (row.control) {
    command.addOption(
      optionOf("--url <url>", `control's address (WEFT_URL, the mesh of this folder, ${DEFAULT_URL})`, "text"),
    )
    command.addOption(optionOf("--token <token>", "the token; WEFT_TOKEN keeps it out of the shell's history", "text"))
    command.addOption(
      optionOf("--insecure", "also talk http:// to another machine, and to one without a valid certificate"),
    )
  }
  if (row.examples)
    command.addHelpText("after", `\nExamples:\n${row.examples.map((example) => `  ${example}`).join("\n")}`)
  command.action(async (...given: unknown[]) => {
    const options = command.opts() as Options
    const args = given.slice(0, -2).flat() as (string | undefined)[]
    const { run } = await row.load()
    done(await run({ io, args, options, format: options.output ?? "table" }))
  })
}

function group(program: Command, name: string): Command {
  const existing = program.commands.find((command) => command.name() === name)
  // A command of its own that others stand below: their options are theirs.
  return existing?.enablePositionalOptions() ?? program.command(name).description(GROUPS[name]!).helpCommand(false)
}

function optionOf(flags: string, description: string, kind?: OptionKind): Option {
  const option = new Option(flags, description)
  if (Array.isArray(kind)) return option.choices(kind)
  // `--services a b` is variadic by its flags, and Commander collects it; `-f a -f b` is collected here.
  if (kind === "list" && !flags.includes("...")) option.argParser((text: string, all: string[] = []) => [...all, text])
  if (kind === "count") option.argParser(parseCount)
  if (kind === "port") option.argParser(parsePort)
  if (kind === "duration") option.argParser(parseDurationOption)
  if (kind === "life") option.argParser((text) => (text === "never" ? text : parseDurationOption(text)))
  return option
}

function parseCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("It must be a whole number.")
  return Number(text)
}

function parsePort(text: string): number {
  const port = parseCount(text)
  if (port > 65_535) throw new InvalidArgumentError("It must be a port, 0 to 65535.")
  return port
}

/** The mesh's durations, and whole days: tokens live longer than timeouts. */
function parseDurationOption(text: string): number {
  const [, days] = /^(\d{1,4})d$/.exec(text) ?? []
  const ms = days === undefined ? parseDuration(text) : Number(days) * 24 * 60 * 60 * 1000
  if (ms === undefined) throw new InvalidArgumentError("It must be a duration such as 30s, 5m or 7d.")
  return ms
}
