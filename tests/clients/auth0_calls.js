// The calls of `auth0.test.js`, in a process that was started with the issuer's authority.
//
// Each test uses the SDK as its own documentation shows, with nothing of ours between: no `fetch`
// of our own, no address but the domain.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { ManagementClient, ManagementError } from 'auth0';

import { Browser } from './browser.js';

const { ISSUER, SHOP, CALLBACK } = process.env;
const MACHINE = JSON.parse(process.env.MACHINE);
const USER = JSON.parse(process.env.USER);

let management;

before(async () => {
  management = new ManagementClient({ domain: new URL(ISSUER).host, ...MACHINE });
  // Without it, nothing below says more than this.
  await management.clients.get(SHOP);
});

// A browser's session of its own at the issuer: signs in with the password, stops where the app would be.
async function signIn() {
  const known = new Set((await all(await management.users.sessions.list(USER.id))).map(({ id }) => id));
  const browser = new Browser();
  const query = new URLSearchParams({
    client_id: SHOP,
    redirect_uri: CALLBACK,
    response_type: 'code',
    scope: 'openid',
    state: 'a state',
    nonce: 'a nonce',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  });
  const page = await browser.open(`${ISSUER}authorize?${query}`);
  await assert.rejects(browser.signIn(page, USER.email, USER.password), (error) => error.cause !== undefined);
  const now = await all(await management.users.sessions.list(USER.id));
  const [own] = now.filter(({ id }) => !known.has(id));
  assert.ok(own, 'signing in began no session');
  return own.id;
}

// The items of all pages.
async function all(page, most = 1000) {
  const items = [];
  for await (const item of page) {
    items.push(item);
    assert.ok(items.length <= most, 'the list does not end');
  }
  return items;
}

const refusedWith = (statusCode, part) => (error) => {
  assert.ok(error instanceof ManagementError, String(error));
  assert.equal(error.statusCode, statusCode);
  assert.match(JSON.stringify(error.body), part);
  return true;
};

test('session metadata is created, replaced, updated and deleted', async () => {
  const id = await signIn();
  const metadata = async () => (await management.sessions.get(id)).session_metadata ?? {};
  assert.deepEqual(await metadata(), {});
  const made = await management.sessions.update(id, { session_metadata: { my_metadata: 'my new metadata' } });
  assert.equal(made.id, id);
  assert.deepEqual(made.session_metadata, { my_metadata: 'my new metadata' });
  assert.deepEqual(await metadata(), { my_metadata: 'my new metadata' });
  await management.sessions.update(id, { session_metadata: { deviceName: 'kiosk' } });
  assert.deepEqual(await metadata(), { deviceName: 'kiosk' }, 'the map is replaced');
  await management.sessions.update(id, { session_metadata: { deviceName: "Auth0's iPhone", floor: '3' } });
  assert.deepEqual(await metadata(), { deviceName: "Auth0's iPhone", floor: '3' });
  await management.sessions.update(id, { session_metadata: {} });
  assert.deepEqual(await metadata(), {});
  await management.sessions.update(id, { session_metadata: { a: 'b' } });
  await management.sessions.update(id, { session_metadata: null });
  assert.deepEqual(await metadata(), {});
});

test('metadata over the limit is refused in the words of the documentation', async () => {
  const id = await signIn();
  const many = (count) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`key${n}`, 'value']));
  await management.sessions.update(id, { session_metadata: many(25) });
  await assert.rejects(
    management.sessions.update(id, { session_metadata: many(26) }),
    refusedWith(400, /Metadata must not exceed 25 entries\. Each key and value must be ≤ 255 characters\./),
  );
  await assert.rejects(management.sessions.update(id), refusedWith(400, /invalid_body/));
});

test('a client is created and changed with the body of the documentation', async () => {
  const body = {
    oidc_backchannel_logout: {
      backchannel_logout_initiators: { mode: 'all' },
      backchannel_logout_urls: ['https://httpdump.app/inspect/9bccf574-e55f-4b2e-9822-f37372588fc1'],
      backchannel_logout_session_metadata: { include: true },
    },
  };
  const made = await management.clients.create({ name: 'made by the SDK', ...body });
  assert.ok(made.client_id && made.client_secret);
  const plain = await management.clients.create({ name: 'changed by the SDK' });
  const changed = await management.clients.update(plain.client_id, body);
  // The older name answers with the URLs alone, as Auth0's does; the whole is under the newer one.
  const { backchannel_logout_urls } = body.oidc_backchannel_logout;
  for (const client of [made, changed, await management.clients.get(plain.client_id)]) {
    const { backchannel_logout_initiators, backchannel_logout_session_metadata } = client.oidc_logout;
    assert.deepEqual(
      { backchannel_logout_initiators, backchannel_logout_session_metadata, backchannel_logout_urls: client.oidc_logout.backchannel_logout_urls },
      body.oidc_backchannel_logout,
    );
    assert.deepEqual(client.oidc_backchannel_logout, { backchannel_logout_urls });
  }
  await management.clients.delete(made.client_id);
  await assert.rejects(management.clients.get(made.client_id), refusedWith(404, /inexistent_client/));
});

test('lists of clients end, whichever way they are paged', async () => {
  for (let n = 0; n < 6; n += 1) await management.clients.create({ name: `listed ${n}` });
  const expected = (await all(await management.clients.list())).map(({ client_id }) => client_id).sort();
  assert.ok(expected.length >= 8);
  const ids = async (page) => (await all(page)).map(({ client_id }) => client_id).sort();
  for (const per_page of [1, 3, expected.length, expected.length + 1, 100]) {
    assert.deepEqual(await ids(await management.clients.list({ per_page })), expected, `per_page ${per_page}`);
    const totals = { page: 0, per_page, include_totals: true };
    assert.deepEqual(await ids(await management.clients.list(totals)), expected, `totals, per_page ${per_page}`);
  }
  const fields = await all(await management.clients.list({ fields: 'client_id', include_fields: true, per_page: 2 }));
  assert.ok(fields.length === expected.length && fields.every((client) => Object.keys(client).join() === 'client_id'));
  const second = await ids(await management.clients.list({ page: 1, per_page: 2 }));
  assert.equal(second.length, expected.length - 2);
});

test('the sessions of a user are listed page by page', async () => {
  const begun = [await signIn(), await signIn(), await signIn()];
  for (const take of [1, 2, 50]) {
    const listed = await all(await management.users.sessions.list(USER.id, { take }));
    const ids = new Set(listed.map(({ id }) => id));
    assert.equal(ids.size, listed.length, `take ${take}: told twice`);
    for (const id of begun) assert.ok(ids.has(id), `take ${take}: ${id} is missing`);
    assert.ok(listed.every(({ user_id }) => user_id === USER.id));
  }
});

test('sessions are revoked and deleted', async () => {
  const [revoked, deleted, kept] = [await signIn(), await signIn(), await signIn()];
  await management.sessions.revoke(revoked);
  await management.sessions.delete(deleted);
  for (const gone of [revoked, deleted]) {
    await assert.rejects(management.sessions.get(gone), refusedWith(404, /The session does not exist\./));
  }
  assert.equal((await management.sessions.get(kept)).id, kept);
  await management.users.sessions.delete(USER.id);
  assert.deepEqual(await all(await management.users.sessions.list(USER.id)), []);
});

test('a wrong secret is told as such', async () => {
  const other = new ManagementClient({ domain: new URL(ISSUER).host, clientId: MACHINE.clientId, clientSecret: 'wrong' });
  await assert.rejects(other.clients.list(), /Unauthorized|access_denied/);
});
