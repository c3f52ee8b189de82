/** What a command is: a row that describes it (program.ts) and a module, loaded only when it runs, that does it. */
import type { Problem } from "#shared/model/problem.ts"
import type { TooFew } from "#shared/model/rollout.ts"
import type { AuditOutcome } from "#shared/protocol/audit.ts"
import type { ProblemDetails } from "#shared/protocol/control-api.ts"
import type { Io } from "./io.ts"
import type { Format } from "./output.ts"

export const EXIT = {
  ok: 0,
  /** The input or the mesh has problems. For `diff`: there are differences. */
  problems: 1,
  usage: 2,
  /** Control did not answer, or failed. */
  unreachable: 3,
  /** No token, a wrong one, or one without the role that is needed. */
  forbidden: 4,
} as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** Why a command could not do what was asked: expected, hence a value. */
export interface Failure {
  readonly exit: Exclude<ExitCode, 0>
  readonly message: string
  readonly hint?: string
  /** The document's problems, when they are the reason. */
  readonly problems?: readonly Problem[]
  /** The change takes so much away that it has to be confirmed. */
  readonly confirm?: NonNullable<ProblemDetails["confirm"]>
}

export interface Call {
  readonly io: Io
  readonly args: readonly (string | undefined)[]
  readonly options: Options
  /** What `-o` asks for. */
  readonly format: Format
}

/** Every option of every command by its long name; which of them a command takes is said in its row. */
export interface Options {
  readonly url?: string
  readonly token?: string
  readonly insecure?: boolean
  readonly confirm?: boolean
  readonly output?: Format
  readonly file?: readonly string[]
  readonly dryRun?: boolean
  readonly prune?: boolean
  readonly guard?: boolean
  readonly preview?: boolean
  readonly stages?: string
  readonly hold?: number
  readonly requests?: number
  readonly patience?: number
  readonly tooFew?: TooFew
  readonly now?: boolean
  readonly wait?: boolean
  readonly timeout?: number
  readonly message?: string
  readonly namespace?: string
  readonly revision?: number
  readonly limit?: number
  readonly role?: "metrics" | "viewer" | "operator" | "admin"
  readonly expires?: number | "never"
  readonly namespaces?: readonly string[]
  readonly who?: string
  readonly operation?: string
  readonly outcome?: AuditOutcome
  readonly since?: number
  readonly before?: number
  readonly owner?: string
  readonly scope?: readonly string[]
  readonly for?: number
  readonly revoke?: string
  readonly worker?: string
  readonly entrypoint?: string
  readonly subset?: string
  readonly config?: string
  readonly control?: string
  readonly target?: "workerd"
  readonly out?: string
  readonly behindProxy?: boolean
  readonly first?: boolean
  readonly services?: readonly string[]
  readonly ingressPort?: number
  readonly controlPort?: number
  readonly apply?: string
  readonly watch?: boolean
  readonly method?: string
  readonly header?: readonly string[]
  readonly gateway?: string
  readonly from?: string
  readonly to?: string
  readonly rpc?: string
  readonly dice?: string
  readonly window?: number
  readonly route?: string
  readonly path?: string
  readonly status?: string
  readonly slower?: number
  readonly maxRps?: number
  readonly every?: number
  readonly count?: number
  readonly format?: "mermaid" | "dot"
  readonly principal?: string
  readonly claim?: readonly string[]
  readonly all?: boolean
  readonly severity?: "page" | "ticket"
  readonly keyOwner?: string
  readonly keyScope?: readonly string[]
  readonly address?: string
}

export type Handler = (call: Call) => Promise<ExitCode>

export type OptionKind = "text" | "list" | "count" | "port" | "duration" | "life" | readonly string[]

export interface CommandRow {
  /** `apply`, `token create`. */
  readonly path: string
  readonly args?: string
  readonly summary: string
  /** Flags, description, kind of value; the kind is left out of a flag without a value. */
  readonly options?: readonly (readonly [flags: string, description: string, kind?: OptionKind])[]
  /** The command talks to control: `--url` and `--token`. */
  readonly control?: true
  /** The command may remove much: `--confirm`. */
  readonly confirms?: true
  /** The command returns data: `-o`. */
  readonly data?: true
  readonly examples?: readonly string[]
  readonly load: () => Promise<{ readonly run: Handler }>
}

export function failed(value: unknown): value is Failure {
  return typeof value === "object" && value !== null && "exit" in value && "message" in value
}
