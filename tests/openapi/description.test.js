// The Management API held against its own description by Schemathesis: requests made from the
// description, good and bad ones, and answers that must be as it says.
//
// SCHEMATHESIS is the program (`tests/run` installs it). Its time is bounded; what is made up is the
// same each time unless a SEED is given.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Browser } from '../clients/browser.js';
import { Issuer, environment } from '../clients/program.js';

const SECONDS = 60;
const SEED = process.env.SEED ?? '1';

// What would take the caller's own token away, or never ends.
const LEFT_OUT = [
  // The token was signed by one of these.
  ['path', '/keys/signing/{kid}/revoke'],
  // A stream of a quarter of an hour.
  ['path', '/logout-deliveries/events'],
];

const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'missing_required_header',
  'unsupported_method',
  'ignored_auth',
];

const EMAIL = 'ada@example.com';
const PASSWORD = 'correct horse battery staple';
const CALLBACK = 'https://shop.example/callback';

let issuer;
let token;
let known;

before(async () => {
  issuer = await Issuer.prepare();
  const machine = await issuer.command('client', 'create', '--name', 'machine', '--management-scopes', 'all');
  const shop = await issuer.command('client', 'create', '--name', 'shop', '--callback', CALLBACK);
  const user = await issuer.command('user', 'create', '--email', EMAIL, '--password', PASSWORD);
  await issuer.serve();
  token = await issuer.managementToken(machine);
  known = await seed(shop.client_id, user.user_id);
});

after(async () => {
  await issuer?.stop();
});

// Something of each kind, so that there are answers with more in them than that there is nothing: the
// id that each of these calls is made with. Calls that end or delete something make their ids up.
async function seed(client, user) {
  await signIn(client);
  const api = async (method, path, body) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const answer = await fetch(`${issuer.url}api/v2${path}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return JSON.parse(text);
  };
  const { sessions: [session] } = await api('GET', `/users/${encodeURIComponent(user)}/sessions`);
  const action = await api('POST', '/actions/actions', {
    name: 'seeded', deploy: true, code: 'exports.onExecutePostLogin = async () => {};',
    supported_triggers: [{ id: 'post-login', version: 'v3' }],
  });
  const audience = `${issuer.url}api/v2/`;
  const grant = await api('POST', '/client-grants', { client_id: client, audience, scope: ['read:stats'] });
  const [log] = await api('GET', '/logs?per_page=1');
  const [connection] = await api('GET', '/connections');
  const [server] = await api('GET', '/resource-servers');
  const [key] = await api('GET', '/keys/signing');
  return {
    get_session: { id: session.id },
    update_session: { id: session.id },
    get_user: { id: user },
    update_user: { id: user },
    list_user_sessions: { id: user },
    list_user_logs: { id: user },
    list_users_by_email: { email: EMAIL },
    get_log: { id: log.log_id },
    get_client: { id: client },
    update_client: { id: client },
    test_client_logout: { id: client },
    get_client_grant: { id: grant.id },
    get_connection: { id: connection.id },
    get_resource_server: { id: server.id },
    get_action: { id: action.id },
    deploy_action: { id: action.id },
    test_action: { id: action.id },
    list_action_versions: { id: action.id },
    get_action_version: { id: action.id, version: '1' },
    list_action_bindings: { id: 'post-login' },
    update_action_bindings: { id: 'post-login' },
    get_signing_key: { kid: key.kid },
  };
}

// Signs in; where the app would be nobody answers.
async function signIn(client) {
  const query = new URLSearchParams({
    client_id: client, redirect_uri: CALLBACK, response_type: 'code', scope: 'openid', state: 'a state',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256',
  });
  const browser = new Browser();
  const page = await browser.open(`${issuer.url}authorize?${query}`);
  await assert.rejects(browser.signIn(page, EMAIL, PASSWORD), (error) => error.cause !== undefined);
}

test('the description is served, and a page that shows it', async () => {
  const description = await (await fetch(`${issuer.url}openapi.json`)).json();
  assert.equal(description.openapi.split('.').slice(0, 2).join('.'), '3.1');
  const page = await fetch(`${issuer.url}docs`);
  assert.equal(page.url, `${issuer.url}docs/`);
  const html = await page.text();
  const parts = [...html.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map(([, path]) => path);
  assert.ok(parts.includes('swagger-ui-bundle.js'), html);
  for (const part of parts) {
    const answer = await fetch(`${page.url}${part}`);
    assert.equal(answer.status, 200, part);
    assert.match(answer.headers.get('content-security-policy'), /script-src 'self';/);
    await answer.body.cancel();
  }
});

test('every answer is as the description says', async () => {
  const config = join(issuer.folder, 'schemathesis.toml');
  const operations = Object.entries(known).map(([name, parameters]) => [
    '[[operations]]',
    `include-operation-id = ${JSON.stringify(name)}`,
    '[operations.parameters]',
    ...Object.entries(parameters).map(([parameter, value]) => `${JSON.stringify(parameter)} = ${JSON.stringify(value)}`),
  ].join('\n'));
  await writeFile(config, operations.join('\n'));
  const { code, said } = await schemathesis([
    '--config-file', config,
    'run', `${issuer.url}openapi.json`,
    '--url', `${issuer.url}api/v2`,
    '--header', `Authorization: Bearer ${token}`,
    '--checks', CHECKS.join(','),
    ...LEFT_OUT.flatMap(([kind, value]) => [`--exclude-${kind}`, value]),
    '--phases', 'examples,coverage,fuzzing',
    '--max-examples', '20',
    '--max-time', String(SECONDS),
    '--seed', SEED,
    '--request-timeout', '20',
    '--warnings', 'off',
    '--workers', '2',
    '--continue-on-failure',
  ]);
  assert.equal(code, 0, said);
});

async function schemathesis(args) {
  const child = spawn(environment('SCHEMATHESIS'), args, {
    cwd: issuer.folder,
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => { said += data; });
  const hard = setTimeout(() => child.kill('SIGKILL'), (SECONDS + 60) * 1000);
  const [code] = await once(child, 'close');
  clearTimeout(hard);
  return { code, said: said.slice(-60_000) };
}
