// Users: made, found, changed, deleted, and what of them other calls show.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { all, endsWhileRowsAreAdded, management, refusedWith, signIn } from './stage.js';

const connection = 'Username-Password-Authentication';
const password = 'correct horse battery staple';

const make = (email, more = {}) => management.users.create({ connection, email, password, ...more });

test('a user is made, read, changed and deleted', async () => {
  const made = await make('grace@example.com', {
    user_id: 'grace', name: 'Grace', email_verified: true,
    user_metadata: { colour: 'red' }, app_metadata: { plan: 'gold' },
  });
  assert.equal(made.user_id, 'auth0|grace');
  const [identity] = made.identities;
  assert.deepEqual(identity, { connection, user_id: 'grace', provider: 'auth0', isSocial: false });
  assert.deepEqual(await management.users.get(made.user_id), made);
  const part = await management.users.get(made.user_id, { fields: 'email,name', include_fields: true });
  assert.deepEqual(part, { email: 'grace@example.com', name: 'Grace' });
  const changed = await management.users.update(made.user_id, {
    nickname: 'gr', user_metadata: { size: 38 }, app_metadata: { plan: null },
  });
  assert.deepEqual(changed.user_metadata, { colour: 'red', size: 38 });
  assert.deepEqual(changed.app_metadata, {});
  assert.deepEqual([changed.name, changed.nickname], ['Grace', 'gr']);
  await assert.rejects(make('GRACE@example.com'), refusedWith(409, /The user already exists\./));
  await management.users.delete(made.user_id);
  await management.users.delete(made.user_id);
  await assert.rejects(management.users.get(made.user_id), refusedWith(404, /inexistent_user/));
});

test('users are found by address and by search', async () => {
  const made = await make('found@other.net', { name: 'Zoë Found', blocked: true });
  const ids = (users) => users.map(({ user_id }) => user_id);
  assert.deepEqual(ids(await management.users.listUsersByEmail({ email: 'FOUND@other.net' })), [made.user_id]);
  assert.deepEqual(await management.users.listUsersByEmail({ email: 'nobody@other.net' }), []);
  for (const q of ['email:"found@other.net"', 'name:zoë*', 'blocked:true AND email:*@other.net', `user_id:"${made.user_id}"`]) {
    const found = await all(await management.users.list({ q, search_engine: 'v3', sort: 'created_at:1' }));
    assert.deepEqual(ids(found), [made.user_id], q);
  }
  await assert.rejects(management.users.list({ q: 'shoe:38' }), refusedWith(400, /invalid_query_string/));
  await management.users.delete(made.user_id);
});

test('lists of users end, also while users are made', async () => {
  for (let n = 0; n < 5; n += 1) await make(`listed${n}@example.com`);
  let round = 0;
  for (const more of [{}, { include_totals: true }, { include_totals: false, per_page: 100 }, { sort: 'email:1', per_page: 100 }]) {
    round += 1;
    const name = (n) => `meanwhile${round}.${n}@example.com`;
    if (more.include_totals === false) {
      // A bare array has nothing that the SDK's pages could read: it is an empty list to them.
      assert.deepEqual(await all(await management.users.list(more)), []);
      continue;
    }
    await endsWhileRowsAreAdded({
      list: () => management.users.list({ per_page: 2, ...more }),
      key: ({ user_id }) => user_id,
      add: (n) => make(name(n)),
    });
  }
});

test('what happens to a user ends the sessions', async () => {
  const person = await make('ends@example.com');
  const user = { id: person.user_id, email: person.email, password };
  const sessions = async () => (await all(await management.users.sessions.list(user.id))).map(({ id }) => id);
  const [first, second] = [await signIn(user), await signIn(user)];
  await management.users.revokeAccess(user.id, { session_id: first, preserve_refresh_tokens: true });
  assert.deepEqual(await sessions(), [second]);
  await management.users.revokeAccess(user.id);
  assert.deepEqual(await sessions(), []);
  await signIn(user);
  await management.users.update(user.id, { password: 'another password', connection });
  assert.deepEqual(await sessions(), []);
  await signIn({ ...user, password: 'another password' });
  await management.users.update(user.id, { blocked: true });
  assert.deepEqual(await sessions(), []);
  const types = (await all(await management.users.logs.list(user.id))).map(({ type }) => type);
  for (const type of ['ss', 's', 'session_revoked', 'scp', 'sapi']) assert.ok(types.includes(type), `${type} of ${types}`);
  await management.users.delete(user.id);
});
