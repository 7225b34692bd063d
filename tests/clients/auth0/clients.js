// Clients: made, changed, listed in every form, given other secrets.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ManagementClient } from 'auth0';

import { DOMAIN, all, endsWhileRowsAreAdded, management, refusedWith } from './stage.js';

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

test('lists of clients end while clients are made', async () => {
  for (const more of [{}, { page: 0, include_totals: true }]) {
    await endsWhileRowsAreAdded({
      list: () => management.clients.list({ per_page: 2, ...more }),
      key: ({ client_id }) => client_id,
      add: (n) => management.clients.create({ name: `made meanwhile ${n}` }),
    });
  }
});

test('a secret is rotated, and the old one is worth nothing', async () => {
  const made = await management.clients.create({ name: 'rotated', app_type: 'non_interactive' });
  const rotated = await management.clients.rotateSecret(made.client_id);
  assert.equal(rotated.client_id, made.client_id);
  assert.ok(rotated.client_secret && rotated.client_secret !== made.client_secret);
  assert.equal((await management.clients.get(made.client_id)).client_secret, rotated.client_secret);
  const other = new ManagementClient({ domain: DOMAIN, clientId: made.client_id, clientSecret: made.client_secret });
  await assert.rejects(other.clients.list(), /Unauthorized|access_denied/);
  await assert.rejects(management.clients.rotateSecret('nobody'), refusedWith(404, /inexistent_client/));
});
