// Programs of this workspace, started for a test on ports of their own and stopped after it.
//
// Paths of the programs come in the environment (`tests/run` gives them): LOGOUT_ISSUER, the
// server, and AXUM_APP, the receiver's example.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

// A port that nothing listens on right now.
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

// Asks again and again until the answer is true; fails after `seconds`.
export async function eventually(what, seconds, ask) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

// A started program. Its output is kept for the message of a failure.
export class Program {
  // With `authority`, a file, `readyAt` is https and vouched for by it.
  static async start(path, args, { readyAt, cwd, authority }) {
    const program = new Program();
    program.output = '';
    program.child = spawn(path, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    program.ended = once(program.child, 'exit');
    for (const stream of [program.child.stdout, program.child.stderr]) {
      stream.on('data', (data) => { program.output = (program.output + data).slice(-20_000); });
    }
    try {
      await eventually(`${path} answers at ${readyAt}`, 20, async () => {
        if (program.child.exitCode !== null) throw new Error(`${path} ended with ${program.child.exitCode}`);
        return authority ? answersTrusted(readyAt, authority) : fetch(readyAt).then((response) => response.ok, () => false);
      });
    } catch (error) {
      program.child.kill('SIGKILL');
      throw new Error(`${error.message}\n${program.output}`);
    }
    return program;
  }

  async stop() {
    if (this.child.exitCode === null) {
      this.child.kill('SIGTERM');
      const hard = setTimeout(() => this.child.kill('SIGKILL'), 15_000);
      await this.ended;
      clearTimeout(hard);
    }
  }
}

// Whether an https address answers; `fetch` trusts only what the process was started with.
async function answersTrusted(url, authority) {
  const ca = await readFile(authority).catch(() => undefined);
  if (!ca) return false;
  return new Promise((resolve) => {
    get(url, { ca, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    }).on('error', () => resolve(false));
  });
}

// The issuer on an empty store of its own, with the seeding that the command line offers.
export class Issuer {
  // With `tls` it speaks https; `authority` is then the file that a process must trust, which has to
  // be started with it in NODE_EXTRA_CA_CERTS.
  static async prepare({ tls = false } = {}) {
    const issuer = new Issuer();
    issuer.binary = environment('LOGOUT_ISSUER');
    issuer.folder = await mkdtemp(join(tmpdir(), 'logout-issuer-'));
    issuer.url = `${tls ? 'https' : 'http'}://127.0.0.1:${await freePort()}/`;
    issuer.authority = tls ? join(issuer.folder, 'development-ca.pem') : undefined;
    issuer.config = join(issuer.folder, 'issuer.toml');
    await writeFile(issuer.config, [
      `issuer = "${issuer.url}"`,
      '[http]',
      `listen = "${new URL(issuer.url).host}"`,
      ...(tls ? ['tls = "self-signed"'] : []),
      '[storage]',
      'url = "sqlite:issuer.db"',
      '[keys]',
      'master_key_file = "master.key"',
      '',
    ].join('\n'));
    return issuer;
  }

  // Runs a sub-command with --json and gives its object.
  async command(...args) {
    const { stdout } = await run(this.binary, [...args, '--json', '--config', this.config], { cwd: this.folder });
    return JSON.parse(stdout);
  }

  async serve() {
    this.program = await Program.start(this.binary, ['serve', '--config', this.config], {
      readyAt: `${this.url}readyz`,
      cwd: this.folder,
      authority: this.authority,
    });
  }

  // An access token for the Management API.
  async managementToken({ client_id, client_secret }) {
    const response = await fetch(`${this.url}oauth/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials', client_id, client_secret, audience: `${this.url}api/v2/`,
      }),
    });
    const body = await response.text();
    if (!response.ok) throw new Error(`token endpoint answered ${response.status}: ${body}`);
    return JSON.parse(body).access_token;
  }

  // Revokes a session through the Management API.
  async revoke(sid, machine) {
    const response = await fetch(`${this.url}api/v2/sessions/${sid}/revoke`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await this.managementToken(machine)}` },
    });
    if (response.status !== 202) throw new Error(`revoking answered ${response.status}: ${await response.text()}`);
  }

  async stop() {
    await this.program?.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

// The path of a program, from the environment.
export function environment(name) {
  const path = process.env[name];
  if (!path || !existsSync(path)) throw new Error(`the environment variable ${name} must name a program, not "${path}"; tests/run sets it`);
  return path;
}
