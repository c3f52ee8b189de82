/** The disk of the control plane is full: what is acknowledged stays, what is not is told so, what is served goes on; and it heals. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmdirSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { applyTo, type Processes, startProcesses, TOKEN } from "./metered-processes.ts"

export interface DiskResult {
  /** Changes that were acknowledged before the disk was full. */
  readonly acknowledged: number
  /** The answers to those that were not. */
  readonly refusals: readonly number[]
  /** Acknowledged and not there, or there with another content; while the disk was full, and after a kill. */
  readonly lost: readonly number[]
  /** The head, by control, while the disk was full: nothing that is not on disk. */
  readonly headWhenFull: number
  readonly statusWhenFull: number
  readonly served: number
  readonly failed: number
  /** The change that was repeated under its key once there was room: its revision, both times. */
  readonly healed: readonly [number, number]
}

const TRIES = 5
const PADDING_CHARS = 12_000

/** Mounts a disk of its own, which takes who may do so. */
export async function runFullDisk(megabytes: number, say?: (what: string) => void): Promise<DiskResult> {
  const disk = mkdtempSync(join(tmpdir(), "weft-disk-"))
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", disk])
  try {
    const mesh = await startProcesses(1, documentOf(1), { state: disk })
    try {
      return await fill(mesh, disk, megabytes, say)
    } finally {
      await mesh.stop()
    }
  } finally {
    execFileSync("umount", ["-l", disk])
    rmdirSync(disk)
  }
}

async function fill(
  mesh: Processes,
  disk: string,
  megabytes: number,
  say: (what: string) => void = () => {},
): Promise<DiskResult> {
  let [served, failed] = [0, 0]
  const request = async () => {
    const response = await fetch(mesh.proxyUrls[0]!).catch(() => undefined)
    await response?.arrayBuffer()
    if (response?.status === 200) served += 1
    else failed += 1
  }
  const change = async (number: number) => {
    say(`change ${number}`)
    await request()
    return apply(mesh, number)
  }
  let acknowledged = 1
  let answer = await change(2)
  for (; answer.revision !== undefined; answer = await change(acknowledged + 1)) acknowledged += 1
  const refusals = [answer.status]
  for (let attempt = 1; attempt < TRIES; attempt++) refusals.push((await change(acknowledged + 1)).status)
  say("the disk is full: reading, and killing control")
  const headWhenFull = (await read<{ head: { revision: number } }>(mesh, "/v1/status")).head.revision
  const statusWhenFull = await statusOf(mesh, "/v1/revisions/head")
  const lost = await missing(mesh, acknowledged)
  await mesh.killControl()
  await mesh.startControl()
  lost.push(...(await missing(mesh, acknowledged)))
  await request()
  execFileSync("mount", ["-o", `remount,size=${megabytes * 4}m`, disk])
  const first = await apply(mesh, acknowledged + 1)
  const second = await apply(mesh, acknowledged + 1)
  const healed = [first.revision ?? 0, second.revision ?? 0] as const
  return { acknowledged, refusals, lost, headWhenFull, statusWhenFull, served, failed, healed }
}

async function apply(mesh: Processes, number: number): Promise<{ status: number; revision: number | undefined }> {
  const response = await applyTo(mesh.controlUrl, documentOf(number), {
    key: `change-${number}`,
    message: `change ${number}`,
  }).catch(() => undefined)
  const revision = response?.ok ? ((await response.json()) as { revision: number }).revision : undefined
  return { status: response?.status ?? 0, revision }
}

/** Revisions that are not there as they were acknowledged. */
async function missing(mesh: Processes, upTo: number): Promise<number[]> {
  const gone: number[] = []
  for (let revision = 2; revision <= upTo; revision++) {
    const { message } = await read<{ message?: string }>(mesh, `/v1/revisions/${revision}`)
    if (message !== `change ${revision}`) gone.push(revision)
  }
  return gone
}

async function read<T>(mesh: Processes, path: string): Promise<T> {
  const response = await fetch(mesh.controlUrl + path, { headers: { authorization: `Bearer ${TOKEN}` } })
  return (await response.json()) as T
}

async function statusOf(mesh: Processes, path: string): Promise<number> {
  const response = await fetch(mesh.controlUrl + path, { headers: { authorization: `Bearer ${TOKEN}` } })
  await response.arrayBuffer()
  return response.status
}

/** Large, so that a small disk is full soon, and of ever another content. */
function documentOf(number: number) {
  const padding = String(number).padEnd(PADDING_CHARS, "abcdefgh")
  const filters = [
    { responseHeaders: { set: Object.fromEntries(pieces(padding).map((text, at) => [`x-${at}`, text])) } },
  ]
  return {
    services: { upstream: { binding: "UPSTREAM" } },
    routes: {
      web: {
        hosts: ["*"],
        rules: [
          { match: { path: "/padding" }, filters, backends: [{ service: "upstream" }] },
          { backends: [{ service: "upstream" }] },
        ],
      },
    },
  }
}

function pieces(text: string): string[] {
  return text.match(/.{1,1000}/g) ?? []
}
