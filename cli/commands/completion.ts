/** `weft completion <shell>` prints a script; the script asks `weft complete -- <words>` at every press of Tab. */
import { readdirSync } from "node:fs"
import { dirname, resolve } from "node:path"
import tab, { type RootCommand } from "@bomb.sh/tab"
import type { Command } from "commander"
import { type Call, EXIT, type ExitCode } from "#cli/command.ts"
import type { Io } from "#cli/io.ts"
import { report } from "#cli/report.ts"

const SHELLS = ["bash", "zsh", "fish"]

/**
 * Our own and not the library's, which evaluates the words of the command line (Tab would run what stands in `$(…)`) and
 * needs the package bash-completion.
 */
const BASH = `# bash completion for weft: source <(weft completion bash)
__weft_complete() {
  local line value word=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  while IFS= read -r line; do
    value=\${line%%$'\\t'*}
    [[ $line != :* && $value == "$word"* ]] && COMPREPLY+=("$value")
  done < <(weft complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == */ ]]; then compopt -o nospace 2>/dev/null; fi
}
complete -F __weft_complete weft
`

/** Names that every shell takes as they are; others are not offered. */
const PLAIN_NAME = /^[\w@%+=:,.-]+$/

export async function run(call: Call): Promise<ExitCode> {
  const [shell] = call.args
  if (!SHELLS.includes(shell!))
    return report(call.io, {
      exit: EXIT.usage,
      message: `no completion for "${shell}"`,
      hint: `there is ${SHELLS.join(", ")}`,
    })
  if (shell === "bash") call.io.out.write(BASH)
  else printing(call.io, () => tab.setup("weft", "weft", shell!))
  return EXIT.ok
}

/** Answers one press of Tab. */
export async function complete(program: Command, argv: readonly string[], io: Io): Promise<ExitCode> {
  const { default: fromCommander } = await import("@bomb.sh/tab/commander")
  const words = argv[0] === "--" ? argv.slice(1) : [...argv]
  const root = fromCommander(program, { completionCommandName: "completions" })
  root.commands.delete("completions")
  addValues(root, words.at(-1) ?? "", io.cwd)
  printing(io, () => root.parse([...words]))
  return EXIT.ok
}

/** What stands for values: kinds, shells, files and folders. */
function addValues(root: RootCommand, word: string, cwd: string): void {
  const offer = (values: readonly string[]) => (add: (value: string, description: string) => void) => {
    for (const value of values) add(value, "")
  }
  for (const command of ["get", "delete"])
    root.commands.get(command)!.arguments.get("kind")!.handler = offer(["services", "routes", "gateways"])
  root.commands.get("completion")!.arguments.get("shell")!.handler = offer(SHELLS)
  const files = offer(filesLike(word, cwd))
  for (const command of root.commands.values())
    for (const name of ["file", "config", "control", "apply", "services"]) {
      const option = command.options.get(name)
      if (option) option.handler = files
    }
  root.commands.get("up")!.arguments.get("projects")!.handler = files
}

function filesLike(word: string, cwd: string): string[] {
  const prefix = word.slice(0, word.lastIndexOf("/") + 1)
  try {
    return readdirSync(resolve(cwd, prefix === "" ? "." : dirname(`${prefix}x`)), { withFileTypes: true })
      .filter((entry) => PLAIN_NAME.test(entry.name) && !/^(\.|node_modules$)/.test(entry.name))
      .map((entry) => `${prefix}${entry.name}${entry.isDirectory() ? "/" : ""}`)
  } catch {
    return []
  }
}

/** The library prints to the console; this takes what it prints to where the command prints. */
function printing(io: Io, act: () => void): void {
  const log = console.log
  console.log = (text: string) => io.out.write(`${text}\n`)
  try {
    act()
  } finally {
    console.log = log
  }
}
