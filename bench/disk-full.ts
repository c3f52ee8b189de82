/**
 * What becomes of changes when the disk of the control plane is full. Takes the right to mount a disk.
 * Usage: `npm run disk-full`, or `node bench/disk-full.ts --megabytes 4`.
 */
import { parseArgs } from "node:util"
import { say } from "#scripts/progress.ts"
import { runFullDisk } from "#test/support/disk-run.ts"

const { values } = parseArgs({ options: { megabytes: { type: "string", default: "4" } } })
const megabytes = Number(values.megabytes)
const { acknowledged, refusals, lost, headWhenFull, statusWhenFull, served, failed, healed } = await runFullDisk(
  megabytes,
  say,
)
console.log(`${acknowledged} changes acknowledged on a disk of ${megabytes} MB, then refused: ${refusals.join(" ")}`)
console.log(
  `head while it is full: ${headWhenFull}, read with status ${statusWhenFull}; lost, also after a kill: ${lost.length}`,
)
console.log(`requests meanwhile: ${served} served, ${failed} failed`)
console.log(`with room again the refused change is revision ${healed[0]}, and repeated under its key ${healed[1]}`)
const isSound =
  lost.length === 0 && failed === 0 && headWhenFull === acknowledged && refusals.every((one) => one >= 500)
if (!isSound || healed.some((revision) => revision !== acknowledged + 1)) process.exitCode = 1
