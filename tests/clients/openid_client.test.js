// npm's openid-client against our issuer: an app that proves itself with tokens that it signs
// (private_key_jwt), its keys given at the registration or published at a URL of its own.

import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import * as openid from 'openid-client';

import { Browser } from './browser.js';
import { Issuer } from './program.js';

const EMAIL = 'ada@example.com';
const PASSWORD = 'correct horse battery staple';
const RSA = { hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
const KEYS = {
  RS256: { name: 'RSASSA-PKCS1-v1_5', ...RSA },
  PS256: { name: 'RSA-PSS', ...RSA },
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
};

let issuer;
let app;
let appUrl;
let published = { keys: [] };

before(async () => {
  issuer = await Issuer.prepare();
  await issuer.command('user', 'create', '--email', EMAIL, '--password', PASSWORD);
  app = createServer((_request, response) => response.end(JSON.stringify(published)));
  app.listen(0, '127.0.0.1');
  await once(app, 'listening');
  appUrl = `http://127.0.0.1:${app.address().port}`;
  await issuer.serve();
});

after(async () => {
  app?.closeAllConnections();
  app?.close();
  await issuer?.stop();
});

async function makeKey(algorithm, kid) {
  const { privateKey, publicKey } = await webcrypto.subtle.generateKey(KEYS[algorithm], true, ['sign', 'verify']);
  return { kid, privateKey, jwk: { ...await webcrypto.subtle.exportKey('jwk', publicKey), kid } };
}

const register = (id, ...keys) => issuer.command(
  'client', 'create', '--name', id, '--id', id, '--auth-method', 'private_key_jwt', '--callback', `${appUrl}/callback`,
  '--management-scopes', 'read:sessions', ...keys,
);

const connect = (id, { privateKey, kid }) => openid.discovery(
  new URL(issuer.url), id, undefined, openid.PrivateKeyJwt({ key: privateKey, kid }), { execute: [openid.allowInsecureRequests] },
);

for (const algorithm of Object.keys(KEYS)) {
  test(`an app whose keys were given signs with ${algorithm}`, async () => {
    const key = await makeKey(algorithm, 'given');
    const file = join(issuer.folder, `${algorithm}.json`);
    await writeFile(file, JSON.stringify({ keys: [key.jwk] }));
    const client = await register(algorithm, '--jwks', file);
    assert.equal(client.client_secret, undefined);
    const config = await connect(algorithm, key);
    assert.ok(config.serverMetadata().token_endpoint_auth_methods_supported.includes('private_key_jwt'));
    const tokens = await openid.clientCredentialsGrant(config, { audience: `${issuer.url}api/v2/` });
    assert.equal(tokens.scope, 'read:sessions');
  });
}

test('an app whose keys are published signs a person in', async () => {
  const key = await makeKey('ES256', 'published');
  published = { keys: [key.jwk] };
  await register('publisher', '--jwks-uri', `${appUrl}/jwks.json`);
  const config = await connect('publisher', key);
  const [state, nonce] = [openid.randomState(), openid.randomNonce()];
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: `${appUrl}/callback`, scope: 'openid email', state, nonce,
  });
  const browser = new Browser();
  const page = await browser.signIn(await browser.open(url.href), EMAIL, PASSWORD);
  const tokens = await openid.authorizationCodeGrant(config, new URL(page.url), { expectedState: state, expectedNonce: nonce });
  assert.equal(tokens.claims().email, EMAIL);
});

test('an app that signs with a key of somebody else is refused', async () => {
  const [own, stolen] = await Promise.all([makeKey('ES256', 'own'), makeKey('ES256', 'own')]);
  const file = join(issuer.folder, 'own.json');
  await writeFile(file, JSON.stringify({ keys: [own.jwk] }));
  await register('careless', '--jwks', file);
  const config = await connect('careless', stolen);
  await assert.rejects(
    openid.clientCredentialsGrant(config, { audience: `${issuer.url}api/v2/` }),
    (error) => error.status === 401,
  );
});
