// What the calls share: the SDK against the issuer, a browser that signs in, and lists read to their
// ends.
//
// Each test uses the SDK as its own documentation shows, with nothing of ours between: no `fetch` of
// our own, no address but the domain.

import assert from 'node:assert/strict';

import { ManagementClient, ManagementError } from 'auth0';

import { Browser } from '../browser.js';

const { ISSUER, SHOP, CALLBACK } = process.env;

export const DOMAIN = new URL(ISSUER).host;
export const MACHINE = JSON.parse(process.env.MACHINE);
export const USER = JSON.parse(process.env.USER);
export { ISSUER, SHOP };

export const management = new ManagementClient({ domain: DOMAIN, ...MACHINE });

// A browser's session of its own at the issuer: signs in with the password, stops where the app would be.
export async function signIn({ id, email, password } = USER) {
  const known = new Set((await all(await management.users.sessions.list(id))).map((session) => session.id));
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
  await assert.rejects(browser.signIn(page, email, password), (error) => error.cause !== undefined);
  const now = await all(await management.users.sessions.list(id));
  const [own] = now.filter((session) => !known.has(session.id));
  assert.ok(own, 'signing in began no session');
  return own.id;
}

// The items of all pages; `between` is done after each item.
export async function all(page, { most = 1000, between = async () => {} } = {}) {
  const items = [];
  for await (const item of page) {
    items.push(item);
    assert.ok(items.length <= most, 'the list does not end');
    await between(items.length);
  }
  return items;
}

// Reads a list to its end once as it is and once while rows are added, and requires that each item is
// told once and none is missing that was there before. `list` gives the first page.
export async function endsWhileRowsAreAdded({ list, key, add, times = 3 }) {
  const before = (await all(await list())).map(key);
  assert.equal(new Set(before).size, before.length, 'an item is told twice');
  let added = 0;
  const between = async () => {
    if (added < times) await add(added += 1);
  };
  const during = (await all(await list(), { between })).map(key);
  assert.equal(new Set(during).size, during.length, 'an item is told twice while rows are added');
  for (const item of before) assert.ok(during.includes(item), `${item} is missing`);
  const after = (await all(await list())).map(key);
  assert.equal(after.length, before.length + times);
}

export const refusedWith = (statusCode, part) => (error) => {
  assert.ok(error instanceof ManagementError, String(error));
  assert.equal(error.statusCode, statusCode);
  assert.match(JSON.stringify(error.body), part);
  return true;
};
