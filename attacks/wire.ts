/** HTTP/1.1 over a bare socket: no client in between that would repair what is sent, none that would hide what comes back. */
import { connect } from "node:net"
import type { AttackRequest } from "./case.ts"

export interface WireAnswer {
  /** 0 when the connection ended, or nothing came in time. */
  readonly status: number
  /** Names in lower case, in their order. */
  readonly headers: readonly (readonly [string, string])[]
  /** One byte a character. */
  readonly body: string
}

export interface WireResult {
  /** All answers on the connection: more than one when what was sent was understood as more than one request. */
  readonly answers: readonly WireAnswer[]
  /** Everything that came, for what cannot be read as an answer. */
  readonly raw: string
}

/** How long an answer is waited for: longer than the proxy waits for anything by itself. */
const PATIENCE_MS = 25_000
/** How long a connection that stays open is listened to after an answer. */
const AFTERMATH_MS = 120

export const NO_ANSWER: WireAnswer = { status: 0, headers: [], body: "" }

/** The bytes of a request. What the case does not say is added as its file's own sender adds it: framing, and an end to the connection. */
export function bytesOf({ method, rawPath, headers, body }: AttackRequest, version = "1.1"): Buffer {
  const names = headers.map(([name]) => name.toLowerCase())
  const chunked = headers.some(([name, value]) => name.toLowerCase() === "transfer-encoding" && /chunked/i.test(value))
  let head = `${method} ${rawPath} HTTP/${version}\r\n`
  for (const [name, value] of headers) head += `${name}: ${value}\r\n`
  let payload = body ?? ""
  if (chunked && !payload.includes("\r\n")) payload = `${payload.length.toString(16)}\r\n${payload}\r\n0\r\n\r\n`
  else if (payload !== "" && !chunked && !names.includes("content-length"))
    head += `Content-Length: ${payload.length}\r\n`
  if (!names.includes("connection")) head += "Connection: close\r\n"
  return Buffer.from(`${head}\r\n${payload}`, "latin1")
}

export function send(port: number, bytes: Buffer, method = "GET", patienceMs = PATIENCE_MS): Promise<WireResult> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1")
    let raw = ""
    let aftermath: NodeJS.Timeout | undefined
    const finish = () => {
      clearTimeout(patience)
      clearTimeout(aftermath)
      socket.destroy()
      resolve({ answers: readAnswers(raw, method, "as far as it came"), raw })
    }
    const patience = setTimeout(finish, patienceMs)
    socket.on("data", (chunk) => {
      raw += chunk.toString("latin1")
      // An interim answer says that there is more to come.
      if (answerOf({ answers: readAnswers(raw, method), raw }) === NO_ANSWER) return
      clearTimeout(aftermath)
      aftermath = setTimeout(finish, AFTERMATH_MS)
    })
    socket.on("close", finish)
    // A connection that the other side resets has said what it had to say.
    socket.on("error", () => {})
    socket.on("connect", () => socket.write(bytes))
  })
}

/** The first answer that is no interim one. */
export function answerOf({ answers }: WireResult): WireAnswer {
  return answers.find(({ status }) => status >= 200 || status === 101) ?? NO_ANSWER
}

export function headerOf({ headers }: WireAnswer, name: string): string | undefined {
  const values = headers.filter(([one]) => one === name).map(([, value]) => value)
  return values.length === 0 ? undefined : values.join(", ")
}

/** Complete answers only, unless the last one is taken as far as it came. */
export function readAnswers(raw: string, method: string, half?: "as far as it came"): WireAnswer[] {
  const answers: WireAnswer[] = []
  let rest = raw
  for (;;) {
    const read = readAnswer(rest, method, half !== undefined)
    if (!read) return answers
    answers.push(read.answer)
    rest = read.rest
  }
}

function readAnswer(raw: string, method: string, half: boolean): { answer: WireAnswer; rest: string } | undefined {
  const end = raw.indexOf("\r\n\r\n")
  if (end < 0) return undefined
  const [statusLine = "", ...lines] = raw.slice(0, end).split("\r\n")
  const [, digits] = /^HTTP\/1\.[01] (\d{3})/.exec(statusLine) ?? []
  if (digits === undefined) return undefined
  const status = Number(digits)
  const headers = lines.map((line) => {
    const colon = line.indexOf(":")
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
  })
  const payload = raw.slice(end + 4)
  const head = { status, headers, body: "" }
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) return { answer: head, rest: payload }
  const coding = headers.find(([name]) => name === "transfer-encoding")?.[1]
  if (coding?.toLowerCase() === "chunked") {
    const chunks = readChunks(payload)
    if (!chunks) return half ? { answer: { ...head, body: payload }, rest: "" } : undefined
    return { answer: { ...head, body: chunks.body }, rest: chunks.rest }
  }
  const length = headers.find(([name]) => name === "content-length")?.[1]
  if (length === undefined) return { answer: { ...head, body: payload }, rest: "" }
  if (payload.length < Number(length)) return half ? { answer: { ...head, body: payload }, rest: "" } : undefined
  return { answer: { ...head, body: payload.slice(0, Number(length)) }, rest: payload.slice(Number(length)) }
}

/** Undefined while there is more to come. */
export function readChunks(payload: string): { body: string; rest: string } | undefined {
  let body = ""
  let rest = payload
  for (;;) {
    const line = rest.indexOf("\r\n")
    const size = Number.parseInt(rest.slice(0, line), 16)
    if (line < 0 || Number.isNaN(size)) return undefined
    const start = line + 2
    if (size === 0) {
      const end = rest.indexOf("\r\n\r\n", line)
      return end < 0 ? undefined : { body, rest: rest.slice(end + 4) }
    }
    if (rest.length < start + size + 2) return undefined
    body += rest.slice(start, start + size)
    rest = rest.slice(start + size + 2)
  }
}
