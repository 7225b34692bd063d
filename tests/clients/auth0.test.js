// npm's `auth0`, Auth0's own SDK, against our Management API over TLS.
//
// A process of Node trusts a certificate authority that was there when it started, so the calls
// are made in a second one (`auth0/`), and each of them is told here.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';

import { Issuer } from './program.js';

const EMAIL = 'ada@example.com';
const PASSWORD = 'correct horse battery staple';
const CALLBACK = 'https://shop.example/callback';

let issuer;
let environment;

before(async () => {
  issuer = await Issuer.prepare({ tls: true });
  const user = await issuer.command('user', 'create', '--email', EMAIL, '--password', PASSWORD);
  const machine = await issuer.command('client', 'create', '--name', 'machine', '--management-scopes', 'all');
  const shop = await issuer.command('client', 'create', '--name', 'shop', '--callback', CALLBACK);
  await issuer.serve();
  environment = {
    ISSUER: issuer.url,
    MACHINE: JSON.stringify({ clientId: machine.client_id, clientSecret: machine.client_secret }),
    SHOP: shop.client_id,
    CALLBACK,
    USER: JSON.stringify({ id: user.user_id, email: EMAIL, password: PASSWORD }),
  };
});

after(async () => {
  await issuer?.stop();
});

// Runs the calls with more in the environment and gives the exit code and what was said.
async function calls(more) {
  const child = spawn(process.execPath, [fileURLToPath(new URL('auth0/all.js', import.meta.url))], {
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, ...environment, ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => { said += data; });
  const [code] = await once(child, 'close');
  return { code, said };
}

test('the SDK works unchanged', async (context) => {
  const { code, said } = await calls({ NODE_EXTRA_CA_CERTS: issuer.authority });
  for (const [, name] of said.matchAll(/^ok \d+ - (.+)$/gm)) await context.test(name, () => {});
  assert.equal(code, 0, said);
  assert.match(said, /^# pass [1-9]/m, said);
});

test('a process that does not trust the authority gets nowhere', async () => {
  const { code, said } = await calls({ NODE_EXTRA_CA_CERTS: undefined });
  assert.notEqual(code, 0, said);
  assert.match(said, /fetch failed|certificate|self.signed/i);
});
