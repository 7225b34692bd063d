// How the SDK gets its access token.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';

import { ManagementClient } from 'auth0';

import { DOMAIN, MACHINE, SHOP, management } from './stage.js';

test('a wrong secret is told as such', async () => {
  const other = new ManagementClient({ domain: DOMAIN, clientId: MACHINE.clientId, clientSecret: 'wrong' });
  await assert.rejects(other.clients.list(), /Unauthorized|access_denied/);
});

test('a signed assertion takes the place of a secret', async () => {
  const pair = () => generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { publicKey, privateKey } = pair();
  const signer = await management.clients.create({
    name: 'signs',
    app_type: 'non_interactive',
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one', use: 'sig', alg: 'RS256' }] },
  });
  const audience = `https://${DOMAIN}/api/v2/`;
  await management.clientGrants.create({ client_id: signer.client_id, audience, scope: ['read:clients'] });
  const signing = (key) => new ManagementClient({
    domain: DOMAIN,
    clientId: signer.client_id,
    clientAssertionSigningKey: key.export({ type: 'pkcs8', format: 'pem' }),
  });
  assert.equal((await signing(privateKey).clients.get(SHOP)).client_id, SHOP);
  await assert.rejects(signing(pair().privateKey).clients.get(SHOP), /Unauthorized|access_denied|invalid_client/);
});
