import { readFileSync } from "node:fs"
import { cloudflareTest } from "@cloudflare/vitest-plugin"
import { defineConfig } from "vitest/config"

/** No test fails for being slow on a busy machine: these bound what hangs. Whoever polls says what is missing before the test is over. */
const PATIENCE = { testTimeout: 120_000, hookTimeout: 180_000, expect: { poll: { timeout: 60_000 } } }

/** Laws are tried on the same examples each time, so that what passed here passes elsewhere. */
const SEEDED = { setupFiles: ["test/support/seeded.ts"] }

/**
 * Three kinds of tests: `core` runs pure code in Node; `runtime` runs inside workerd (storage, alarms, eviction);
 * `mesh` starts several real Workers and talks to them from outside.
 */
export default defineConfig({
  test: {
    // More than there are cores of a small machine: tests of meshes wait most of the time, for leases and timeouts.
    maxWorkers: 6,
    projects: [
      {
        test: {
          name: "core",
          ...PATIENCE,
          ...SEEDED,
          // Pure code keeps nothing between files that could reach another.
          isolate: false,
          include: [
            "test/shared/**/*.test.ts",
            "test/cli/**/*.test.ts",
            "test/docs/**/*.test.ts",
            "test/simulator/**/*.test.ts",
            "test/scripts/**/*.test.ts",
            "test/tidy.test.ts",
          ],
        },
      },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./workers/control/wrangler.toml" },
            miniflare: {
              bindings: {
                WEFT_ADMIN_TOKEN: "test-root-token-of-the-suite",
                WEFT_ISSUER: "https://control.example/",
                WEFT_TRUST_DOMAIN: "suite.example",
              },
              // The proxy is not here: what stands for its prober answers as a test has told it.
              // And what stands for all servers outside keeps what it is sent.
              workers: [
                { name: "weft", modules: true, script: readFileSync("test/support/prober.js", "utf8") },
                { name: "receiver", modules: true, script: readFileSync("test/support/receiver.js", "utf8") },
              ],
              outboundService: "receiver",
            },
          }),
        ],
        test: {
          name: "runtime",
          ...PATIENCE,
          include: ["test/durable-objects/**/*.test.ts", "test/workers/control/**/*.test.ts"],
          // Its package says CommonJS, and its files are modules.
          server: { deps: { inline: ["itty-durable"] } },
        },
      },
      {
        test: {
          name: "mesh",
          ...PATIENCE,
          ...SEEDED,
          // Each file starts and stops what it needs; what it shares with others is wrangler, which takes long to load.
          isolate: false,
          include: [
            "test/end-to-end/**/*.test.ts",
            "test/workers/proxy/**/*.test.ts",
            "test/conformance/**/*.test.ts",
            "test/attacks/**/*.test.ts",
          ],
        },
      },
    ],
  },
})
