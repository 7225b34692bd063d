// What belongs to the issuer as a whole: settings, keys, grants, the API, the connection, figures.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DOMAIN, all, endsWhileRowsAreAdded, management, refusedWith } from './stage.js';

const audience = `https://${DOMAIN}/api/v2/`;

test('settings are changed and taken back', async () => {
  const lifetime = async () => (await management.tenants.settings.get({ fields: 'session_lifetime' })).session_lifetime;
  const before = await lifetime();
  const changed = await management.tenants.settings.update({ session_lifetime: 12, friendly_name: 'Ours' });
  assert.deepEqual([changed.session_lifetime, changed.friendly_name], [12, 'Ours']);
  assert.equal(await lifetime(), 12);
  await management.tenants.settings.update({ session_lifetime: null, friendly_name: null });
  assert.equal(await lifetime(), before);
  await assert.rejects(management.tenants.settings.update({ session_lifetime: 100_000 }), refusedWith(400, /session_lifetime/));
});

test('grants are made, changed, listed and taken away', async () => {
  const made = await management.clients.create({ name: 'granted', app_type: 'non_interactive' });
  const grant = await management.clientGrants.create({ client_id: made.client_id, audience, scope: ['read:users'] });
  assert.deepEqual(grant.scope, ['read:users']);
  const changed = await management.clientGrants.update(grant.id, { scope: ['read:users', 'read:logs'] });
  assert.deepEqual([...changed.scope].sort(), ['read:logs', 'read:users']);
  assert.equal((await management.clientGrants.get(grant.id)).client_id, made.client_id);
  const own = await all(await management.clientGrants.list({ client_id: made.client_id }));
  assert.deepEqual(own.map(({ id }) => id), [grant.id]);
  await management.clientGrants.delete(grant.id);
  assert.deepEqual(await all(await management.clientGrants.list({ client_id: made.client_id })), []);
  for (const take of [1, 2, 50]) {
    await endsWhileRowsAreAdded({
      list: () => management.clientGrants.list({ take }),
      key: ({ id }) => id,
      add: async (n) => {
        const client = await management.clients.create({ name: `granted meanwhile ${take} ${n}` });
        await management.clientGrants.create({ client_id: client.client_id, audience, scope: ['read:stats'] });
      },
      times: 2,
    });
  }
});

test('the API and the connection are there for whoever looks them up first', async () => {
  for (const per_page of [1, 2, 50]) {
    const servers = await all(await management.resourceServers.list({ per_page }));
    assert.deepEqual(servers.map(({ identifier }) => identifier), [audience]);
  }
  const [server] = await all(await management.resourceServers.list());
  assert.equal((await management.resourceServers.get(server.id)).identifier, audience);
  for (const take of [1, 50]) {
    const connections = await all(await management.connections.list({ take }));
    assert.deepEqual(connections.map(({ name }) => name), ['Username-Password-Authentication']);
    assert.equal((await management.connections.get(connections[0].id)).strategy, 'auth0');
  }
});

test('figures count what happened', async () => {
  const today = new Date().toISOString().slice(0, 10).replaceAll('-', '');
  const days = await management.stats.getDaily({ from: today, to: today });
  assert.equal(days.length, 1);
  assert.ok(days[0].logins >= 0);
  assert.equal(typeof (await management.stats.getActiveUsersCount()), 'number');
});

test('signing keys are listed, rotated and revoked', async () => {
  const keys = await management.keys.signing.list();
  const current = keys.filter((key) => key.current);
  assert.ok(current.length >= 1);
  assert.equal((await management.keys.signing.get(current[0].kid)).kid, current[0].kid);
  const rotated = await management.keys.signing.rotate();
  assert.ok(rotated.kid);
  const next = (await management.keys.signing.list()).filter((key) => key.next);
  assert.ok(next.some(({ kid }) => kid === rotated.kid));
  // Not a current one: the caller's own token was signed by it.
  const revoked = await management.keys.signing.revoke(rotated.kid);
  assert.equal(revoked.kid, rotated.kid);
  await assert.rejects(management.keys.signing.get('nothing'), refusedWith(404, /./));
});
