/** A real nginx, asked what it makes of a target, where there is one on this machine. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { Agent, get } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePort } from "#scripts/free-ports.ts"

export class Nginx {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 8 })
  readonly #child: ChildProcess
  readonly #folder: string
  readonly #port: number

  private constructor(child: ChildProcess, folder: string, port: number) {
    this.#child = child
    this.#folder = folder
    this.#port = port
  }

  /** Undefined when there is none. */
  static async start(binary: string): Promise<Nginx | undefined> {
    try {
      execFileSync(binary, ["-v"], { stdio: "ignore" })
    } catch {
      return undefined
    }
    const folder = await mkdtemp(join(tmpdir(), "weft-nginx-"))
    const port = await freePort()
    await writeFile(join(folder, "nginx.conf"), configOf(folder, port))
    const args = ["-p", folder, "-e", join(folder, "error.log"), "-c", join(folder, "nginx.conf")]
    const nginx = new Nginx(spawn(binary, args, { stdio: "ignore" }), folder, port)
    const untilMs = performance.now() + 5_000
    while ((await nginx.read("/")) !== "/") {
      if (performance.now() > untilMs) throw new Error("nginx does not answer")
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    return nginx
  }

  /** `$uri`: the path that locations are looked up by. Undefined when it refuses the target. */
  read(target: string): Promise<string | undefined> {
    return new Promise((resolve) => {
      const asked = get(
        {
          host: "127.0.0.1",
          port: this.#port,
          agent: this.#agent,
          path: target,
          setHost: false,
          headers: ["host", "a"] as never,
        },
        async (incoming) => {
          const chunks: Buffer[] = []
          for await (const chunk of incoming) chunks.push(chunk as Buffer)
          resolve(incoming.statusCode === 200 ? Buffer.concat(chunks).toString("latin1") : undefined)
        },
      )
      asked.on("error", () => resolve(undefined))
    })
  }

  async stop(): Promise<void> {
    this.#agent.destroy()
    const ended = new Promise((resolve) => this.#child.once("exit", resolve))
    this.#child.kill()
    await ended
    await rm(this.#folder, { recursive: true, force: true })
  }
}

function configOf(folder: string, port: number): string {
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((of) => `${of}_temp_path ${folder}/${of};`)
  return `daemon off;
master_process off;
pid ${folder}/pid;
events {}
http {
  access_log off;
  keepalive_requests 1000000;
  ${paths.join("\n  ")}
  server { listen 127.0.0.1:${port}; location / { default_type text/plain; return 200 "$uri"; } }
}
`
}
