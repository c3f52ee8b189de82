/**
 * Other proxies before the same upstream: each passes everything on over connections that it keeps, by one worker without a log, as their
 * own manuals say. `armed` has what the mesh's own way has: a time limit, retries, a rate limit and a header.
 */
import { writeFile } from "node:fs/promises"
import { join } from "node:path"

export interface Peer {
  readonly program: string
  readonly args: (folder: string) => readonly string[]
  readonly file: string
  readonly config: (setup: Setup) => string
}

export interface Setup {
  readonly port: number
  readonly upstreamPort: number
  readonly isArmed: boolean
}

/** More than any machine asks for in a second: the limit is looked at, and never refuses. */
const PER_SECOND = 1_000_000

const nginx: Peer = {
  program: "nginx",
  file: "nginx.conf",
  args: (folder) => ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"],
  config: ({ port, upstreamPort, isArmed }) => `
daemon off; master_process off; pid nginx.pid;
events { worker_connections 512; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  limit_req_zone $http_host zone=all:1m rate=${PER_SECOND}r/s;
  upstream up { server 127.0.0.1:${upstreamPort}; keepalive 64; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      ${
        isArmed
          ? `proxy_read_timeout 15s; proxy_next_upstream error timeout http_503; proxy_next_upstream_tries 3;
      limit_req zone=all burst=1000 nodelay; proxy_set_header x-a 1;`
          : ""
      }
    }
  }
}
`,
}

const haproxy: Peer = {
  program: "haproxy",
  file: "haproxy.cfg",
  args: (folder) => ["-f", join(folder, "haproxy.cfg")],
  config: ({ port, upstreamPort, isArmed }) => `
global
  nbthread 1
defaults
  mode http
  timeout client 60s
  timeout connect 5s
  timeout server ${isArmed ? "15s" : "60s"}
  http-reuse always
${isArmed ? "  retries 2\n  retry-on conn-failure empty-response response-timeout 503" : ""}
frontend in
  bind 127.0.0.1:${port}
${
  isArmed
    ? `  stick-table type string len 64 size 1k expire 10s store http_req_rate(1s)
  http-request track-sc0 hdr(host)
  http-request deny deny_status 429 if { sc_http_req_rate(0) gt ${PER_SECOND} }
  http-request set-header x-a 1`
    : ""
}
  default_backend up
backend up
  server one 127.0.0.1:${upstreamPort} pool-max-conn 64
`,
}

export const PEERS: readonly Peer[] = [nginx, haproxy]

export async function writeConfig(peer: Peer, folder: string, setup: Setup): Promise<readonly string[]> {
  await writeFile(join(folder, peer.file), peer.config(setup))
  return peer.args(folder)
}
