// Our receiver behind npm's oidc-provider: it signs a person in to the example app and logs them
// out by its own back-channel logout.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Browser } from './browser.js';
import { Program, environment, eventually, freePort } from './program.js';
import { OtherProvider } from './provider.js';

const CLIENT = { client_id: 'axum-app', client_secret: 'a secret between the provider and the example app' };

let provider;
let app;
let appUrl;

before(async () => {
  const listen = `127.0.0.1:${await freePort()}`;
  appUrl = `http://${listen}`;
  provider = await OtherProvider.start({
    ...CLIENT,
    redirect_uris: [`${appUrl}/callback`],
    backchannel_logout_uri: `${appUrl}/backchannel-logout`,
  });
  app = await Program.start(environment('AXUM_APP'), [
    '--issuer', provider.url, '--client-id', CLIENT.client_id, '--client-secret', CLIENT.client_secret, '--listen', listen,
  ], { readyAt: `${appUrl}/` });
});

after(async () => {
  await app?.stop();
  await provider?.close();
});

async function signIn(browser, person) {
  const loginPage = await browser.open(`${appUrl}/login`);
  const consentPage = await browser.signIn(loginPage, person, 'any password');
  return browser.submit(consentPage, {});
}

async function sessionOf(browser) {
  const page = await browser.request(`${appUrl}/session`);
  assert.equal(page.status, 200, page.text);
  return JSON.parse(page.text);
}

// Signs out at the provider itself, without the app having a part in it.
async function signOutAtProvider(browser) {
  const question = await browser.open(`${provider.url}/session/end`);
  return browser.submit(question, { logout: 'yes' });
}

test('signing out at the provider ends the session in the app', async () => {
  const browser = new Browser();
  await signIn(browser, 'ada');
  const before = await sessionOf(browser);
  assert.equal(before.active, true);
  assert.equal(before.sub, 'ada');
  assert.ok(before.sid, 'the ID Token has no sid');
  assert.equal((await browser.request(`${appUrl}/protected`)).status, 200);

  const outcomes = provider.outcomes.length;
  await signOutAtProvider(browser);
  await eventually('the provider has told the app', 10, () => provider.outcomes.length > outcomes);
  assert.equal(provider.outcomes.at(-1), 'told');

  assert.equal((await sessionOf(browser)).active, false);
  assert.equal((await browser.request(`${appUrl}/protected`)).status, 302);
});

test('signing one person out leaves another signed in', async () => {
  const [ada, grace] = [new Browser(), new Browser()];
  await signIn(ada, 'ada');
  await signIn(grace, 'grace');
  await signOutAtProvider(ada);
  await eventually('the session of the one is dead', 10, async () => !(await sessionOf(ada)).active);
  assert.equal((await sessionOf(grace)).active, true);
});
