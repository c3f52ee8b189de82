/** Cases of the kind `cli`: what `weft` must not do to whoever types it. Their request and status stand for nothing. */
import { execFile } from "node:child_process"
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { createServer as createHttpServer, type RequestListener } from "node:http"
import { createServer as createHttpsServer } from "node:https"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { promisify } from "node:util"
import type { AttackCase } from "#attacks/case.ts"
import { unjudgedFigures } from "#attacks/judge/figures.ts"
import { failed, notUnderstood, type Outcome, passed } from "#attacks/outcome.ts"
import type { ResourceList, RevisionList, Status, TokenList } from "#shared/protocol/control-api.ts"
import { runCli } from "./terminal.ts"
import { bomb } from "./yaml.ts"

/** No token that anybody could use. */
const TOKEN = "weft_token_that_must_not_travel_0123456789"

export async function runTerminal(one: AttackCase): Promise<Outcome> {
  const faults = await faultsOf(one)
  if (!faults) return notUnderstood(one, [`setup: ${one.setup}`])
  const unknown = unjudgedFigures(
    one,
    /alias\w*(?: expansion)? (?:cap|limit)(?: of)? [\d,]+/.exec(one.expect.assert) ?? [],
  )
  if (unknown.length > 0 && faults.length === 0) return notUnderstood(one, unknown)
  return faults.length > 0 ? failed(one, faults) : passed(one)
}

async function faultsOf({ setup }: AttackCase): Promise<string[] | undefined> {
  const [, name] =
    /(?:(?:service|route|resource|policy|token|name)\w* (?:named|called)|(?:message|error|detail|author|revision|answer)\b.*?) '((?:[^'\\]|\\.)*)'/i.exec(
      setup,
    ) ?? []
  if (name !== undefined) return nameFaults(JSON.parse(`"${name.replaceAll('"', '\\"')}"`))
  if (/redirect|\b30[1278]\b/i.test(setup)) return redirectFaults()
  const [, levels, aliases] = /YAML with (\d+) levels of (\d+) aliases/i.exec(setup) ?? []
  if (levels) return documentFaults("bomb.yaml", bomb(Number(levels), Number(aliases)))
  if (/(?:\.\.\/|symlink|\/etc\/(?:passwd|shadow)|file outside)/i.test(setup))
    return outsideFaults(/symlink/i.test(setup))
  if (
    /token (?:is )?(?:given |passed )?(?:on the command line|as an? argument|in (?:the )?arguments|--token)/i.test(
      setup,
    )
  )
    return argumentFaults()
  if (/answers? (?:with |of )?[\d,]+ [MG]i?B|endless answer|answers without end/i.test(setup)) return endlessFaults()
  if (/readable|permission|mode \d|token file|0?[67]44/i.test(setup)) return fileFaults()
  return /http:\/\/|self-signed|certificate|TLS|expired cert|plain/i.test(setup) ? tlsFaults() : undefined
}

/** Where control, or who stands in for it, sends the client on to, the token does not go. */
async function redirectFaults(): Promise<string[]> {
  const seen: (string | undefined)[] = []
  const listen = async (listener: RequestListener) => {
    const server = createHttpServer(listener)
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
  }
  const other = await listen((request, response) => {
    seen.push(request.headers.authorization)
    response.end('{"revisions":[]}')
  })
  const control = await listen((_, response) =>
    response.writeHead(307, { location: `${other.url}/v1/revisions` }).end(),
  )
  try {
    const { exit } = await runCli(["history", "--url", control.url], { token: TOKEN })
    return [
      ...(seen.some((token) => token !== undefined) ? ["the token followed a redirect"] : []),
      ...(exit === 0 ? ["a redirect was followed"] : []),
    ]
  } finally {
    control.server.close()
    other.server.close()
  }
}

/** A token that others may read is none. */
async function fileFaults(): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "weft-token-"))
  const seen: (string | undefined)[] = []
  const server = createHttpServer((request, response) => {
    seen.push(request.headers.authorization)
    response.end('{"revisions":[]}')
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  try {
    await mkdir(join(folder, ".weft"))
    await writeFile(join(folder, ".weft", "token"), TOKEN, { mode: 0o644 })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { exit } = await runCli(["history", "--url", url], { cwd: folder })
    return exit === 0 || seen.some((token) => token !== undefined) ? ["a token that others may read was used"] : []
  } finally {
    server.close()
    await rm(folder, { recursive: true })
  }
}

/** The token leaves this machine by TLS, to whom a certificate vouches for, unless it is said each time that it may go otherwise. */
async function tlsFaults(): Promise<string[]> {
  const faults: string[] = []
  const plain = await runCli(["history", "--url", "http://admin.test"], { token: TOKEN })
  if (plain.exit === 0 || plain.exit === 3)
    faults.push(`http:// to another machine ends with ${plain.exit}: ${plain.err.trim()}`)
  const seen: (string | undefined)[] = []
  const server = await selfSigned((request, response) => {
    seen.push(request.headers.authorization)
    response.end('{"revisions":[]}')
  })
  try {
    const url = `https://localhost:${(server.address() as AddressInfo).port}`
    const distrusted = await runCli(["history", "--url", url], { token: TOKEN })
    if (distrusted.exit === 0 || seen.length > 0) faults.push("a certificate that nobody vouches for was taken")
    const disabled = await runCli(["history", "--url", url], {
      token: TOKEN,
      env: { NODE_TLS_REJECT_UNAUTHORIZED: "0" },
    })
    if (disabled.exit === 0 || seen.length > 0)
      faults.push("a variable of the environment is enough to take any certificate")
    await runCli(["history", "--url", url, "--insecure"], { token: TOKEN })
    if (seen.length === 0) faults.push("--insecure does not reach the server")
  } finally {
    server.close()
  }
  return faults
}

const SECRET = "root:x:0:0:s3cret-of-another-file"

/** What is no document is refused, and nothing of it is told to whoever reads the terminal or the log of a build. */
async function documentFaults(name: string, content: string): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "weft-document-"))
  try {
    await writeFile(join(folder, name), content)
    const startedAtMs = performance.now()
    const { exit, out, err } = await runCli(["check", "-f", name], { cwd: folder })
    return [
      ...(exit === 1 || exit === 2 ? [] : [`weft check ends with ${exit}`]),
      ...(performance.now() - startedAtMs > SLOW_MS ? ["weft check is slow"] : []),
      ...((out + err).includes(SECRET) ? ["it prints what stands in the file"] : []),
    ]
  } finally {
    await rm(folder, { recursive: true })
  }
}

const SLOW_MS = 10_000

async function outsideFaults(byLink: boolean): Promise<string[]> {
  const outside = await mkdtemp(join(tmpdir(), "weft-outside-"))
  const folder = await mkdtemp(join(tmpdir(), "weft-inside-"))
  try {
    await writeFile(join(outside, "passwd"), `${SECRET}\n${SECRET}\n`)
    const link = join(folder, "mesh.yaml")
    if (byLink) await symlink(join(outside, "passwd"), link)
    const path = byLink ? link : relative(folder, join(outside, "passwd"))
    const { exit, out, err } = await runCli(["apply", "-f", path], {
      cwd: folder,
      url: "http://127.0.0.1:9",
      token: TOKEN,
    })
    return [
      ...(exit === 0 ? ["it was applied"] : []),
      ...((out + err).includes(SECRET) ? ["it prints what stands in the file"] : []),
    ]
  } finally {
    await Promise.all([outside, folder].map((one) => rm(one, { recursive: true })))
  }
}

/** Other processes of the machine can read arguments. */
async function argumentFaults(): Promise<string[]> {
  const { exit, out, err } = await runCli(["history", "--token", TOKEN, "--url", "http://127.0.0.1:9"], {})
  return [
    ...(exit === 0 ? ["a token in the arguments is taken without a word"] : []),
    ...((out + err).includes(TOKEN) ? ["the token is printed"] : []),
  ]
}

const ENDLESS_BYTES = 512 * 1024 * 1024

/** Whoever answers without end is not read to the end. */
async function endlessFaults(): Promise<string[]> {
  let sent = 0
  const chunk = Buffer.alloc(1024 * 1024, " ")
  const server = createHttpServer((_, response) => {
    response.setHeader("content-type", "application/json")
    const more = () => {
      while (sent < ENDLESS_BYTES && !response.destroyed) {
        sent += chunk.length
        if (!response.write(chunk)) return void response.once("drain", more)
      }
      response.end()
    }
    more()
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { exit } = await runCli(["history", "--url", url], { token: TOKEN })
    return [
      ...(exit === 0 ? ["an endless answer was taken for a history"] : []),
      ...(sent >= ENDLESS_BYTES ? [`${sent} bytes of an answer were read`] : []),
    ]
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

async function selfSigned(listener: RequestListener) {
  const folder = await mkdtemp(join(tmpdir(), "weft-certificate-"))
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")]
  const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
  await promisify(execFile)("openssl", [...args, "-subj", "/CN=localhost", "-keyout", key, "-out", cert])
  const server = createHttpsServer({ key: await readFile(key), cert: await readFile(cert) }, listener)
  await rm(folder, { recursive: true })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return server
}

/** Whatever stands in a name, in a document or in what control says, a terminal shows it and does not obey it. */
async function nameFaults(name: string): Promise<string[]> {
  const answers: Readonly<Record<string, object>> = answersWith(name)
  const server = createHttpServer(({ url = "" }, response) => {
    response.setHeader("content-type", "application/json")
    const found = answers[url.replace(/\?.*$/, "")]
    response.statusCode = found ? 200 : 404
    response.end(JSON.stringify(found ?? { type: "about:blank", title: name, status: 404, detail: name }))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const document = JSON.stringify({
    services: { [name]: { url: name } },
    routes: { [name]: { hosts: [name], rules: [] } },
  })
  const commands = [
    ["check", "-f", "-"],
    ["get", "services"],
    ["status"],
    ["history"],
    ["token", "list"],
    ["get", name],
    ["rollback", "7"],
  ]
  const faults: string[] = []
  try {
    for (const command of commands) {
      const { out, err } = await runCli(command, { stdin: document, url, token: TOKEN })
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      if (/[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]/.test(out + err))
        faults.push(`weft ${command[0]} prints control characters`)
    }
  } finally {
    server.close()
  }
  return faults
}

/** As control would answer, had it ever let in such a name. */
function answersWith(name: string): Readonly<Record<string, object>> {
  const head = { revision: 1, atMs: 0, author: name, message: name, digest: name, added: 1, changed: 0, removed: 0 }
  const resources: ResourceList = {
    revision: 1,
    resources: [{ kind: "Service", namespace: "default", name, spec: {}, since: 1 }],
  }
  const status: Status = {
    ...{ head, services: 1, routes: 0, relays: [], floorsMissed: 0, breakers: [], health: [] },
    isolates: [{ isolate: name, serving: 1, seenAtMs: 0 }],
    unbound: [{ service: name, binding: name }],
  }
  const tokens: TokenList = { tokens: [{ name, role: "viewer", createdAtMs: 0 }] }
  const revisions: RevisionList = { revisions: [head] }
  return { "/v1/resources": resources, "/v1/revisions": revisions, "/v1/status": status, "/v1/tokens": tokens }
}
