// Sessions: their metadata, lists of them and their ends.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { USER, all, endsWhileRowsAreAdded, management, refusedWith, signIn } from './stage.js';

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

test('the list of sessions ends while the user signs in again', async () => {
  await endsWhileRowsAreAdded({
    list: () => management.users.sessions.list(USER.id, { take: 2 }),
    key: ({ id }) => id,
    add: () => signIn(),
    times: 2,
  });
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
