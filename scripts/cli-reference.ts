/**
 * Writes `docs/reference/cli.md` from the CLI's own commands, so that the page cannot say anything else than `--help`:
 * `npx node scripts/cli-reference.ts`; with `--check` it only says whether the page is up to date.
 */
import { readFile, writeFile } from "node:fs/promises"
import type { Command } from "commander"
import type { Io } from "#cli/io.ts"
import { buildProgram } from "#cli/program.ts"
import { COMMANDS } from "#cli/rows.ts"

const PAGE = new URL("../docs/reference/cli.md", import.meta.url)
const COMMAND = "npx node scripts/cli-reference.ts"

const page = render()
if (process.argv.includes("--check")) {
  if ((await readFile(PAGE, "utf8")) !== page) {
    console.error(`docs/reference/cli.md is not what the CLI says; write it anew: ${COMMAND}`)
    process.exitCode = 1
  }
} else await writeFile(PAGE, page)

function render(): string {
  let help = ""
  const write = (text: string) => {
    help += text
  }
  const out = { write, terminal: false }
  const program = buildProgram({ out, err: out } as unknown as Io, () => {})
  program.outputHelp()
  const epilogue = help.slice(help.indexOf("Exit codes:")).trim()
  const sections = leaves(program).map(({ path, command }) => section(path, command))
  return [
    "# The command `weft`",
    `<!-- Written by \`${COMMAND}\` from cli/rows.ts; a test says when it is out of date. -->`,
    "In a clone it is `npx weft`, or `cli/weft.mjs` by its path from any other folder. Every command explains itself with\n`--help`.",
    list(program),
    `\`\`\`text\n${epilogue}\n\`\`\``,
    ...sections,
  ]
    .join("\n\n")
    .concat("\n")
}

interface Leaf {
  readonly path: string
  readonly command: Command
}

/** The commands that do something: groups are only words before them. */
function leaves(program: Command): Leaf[] {
  return program.commands.flatMap((command) =>
    command.commands.length === 0
      ? [{ path: command.name(), command }]
      : command.commands.map((inner) => ({ path: `${command.name()} ${inner.name()}`, command: inner })),
  )
}

function list(program: Command): string {
  const rows = leaves(program).map(({ path, command }) => {
    const anchor = `weft-${path.replaceAll(" ", "-")}`
    return `| [\`weft ${path}\`](#${anchor}) | ${cell(command.description())} |`
  })
  return ["| command | what it does |", "| --- | --- |", ...rows].join("\n")
}

function section(path: string, command: Command): string {
  const usage = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? "..." : ""}`
    return argument.required ? ` <${name}>` : ` [${name}]`
  })
  const options = command.options.map((option) => {
    const choices = option.argChoices ? ` (${option.argChoices.join(", ")})` : ""
    return `| \`${cell(option.flags)}\` | ${cell(option.description)}${choices} |`
  })
  const examples = COMMANDS.find((row) => row.path === path)?.examples ?? []
  return [
    `## weft ${path}`,
    `${sentence(command.description())}`,
    `\`\`\`sh\nweft ${path}${usage.join("")}${options.length > 0 ? " [options]" : ""}\n\`\`\``,
    ...(options.length > 0 ? [["| option | meaning |", "| --- | --- |", ...options].join("\n")] : []),
    ...(examples.length > 0 ? [`For example:\n\n\`\`\`sh\n${examples.join("\n")}\n\`\`\``] : []),
  ].join("\n\n")
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

/** A bar would end the cell. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|")
}
