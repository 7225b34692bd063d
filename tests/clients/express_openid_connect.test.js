// npm's express-openid-connect against our issuer: the app is told, and the person is out.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Browser } from './browser.js';
import { ExpressApp } from './express_app.js';
import { Issuer, eventually } from './program.js';

const EMAIL = 'ada@example.com';
const PASSWORD = 'correct horse battery staple';

let issuer;
let machine;
let shop;
let forum;

before(async () => {
  issuer = await Issuer.prepare();
  await issuer.command('user', 'create', '--email', EMAIL, '--password', PASSWORD);
  machine = await issuer.command('client', 'create', '--name', 'machine', '--management-scopes', 'all');
  [shop, forum] = await Promise.all([ExpressApp.listen('shop'), ExpressApp.listen('forum')]);
  for (const app of [shop, forum]) {
    app.connect(issuer.url, await issuer.command(
      'client', 'create', '--name', app.name, '--callback', app.callback,
      '--backchannel-logout-url', app.backchannelLogout, '--logout-url', app.url, '--initiators', 'all',
    ));
  }
  await issuer.serve();
});

after(async () => {
  await Promise.all([shop?.close(), forum?.close()]);
  await issuer?.stop();
});

// Signs in to an app with the password and gives the claims of the ID Token.
async function signIn(browser, app) {
  const loginPage = await browser.open(`${app.url}/login`);
  const home = await browser.signIn(loginPage, EMAIL, PASSWORD);
  assert.equal(home.url, `${app.url}/`, `signing in ended elsewhere: ${home.text}`);
  const claims = await app.claimsOf(browser);
  assert.ok(claims?.sid, 'the ID Token has no sid');
  assert.equal(claims.iss, issuer.url);
  return claims;
}

const isOut = (browser, app) => eventually(`${app.name} has ended its session`, 10, async () => !await app.claimsOf(browser));

test('a person without a session is sent to the issuer', async () => {
  const page = await new Browser().request(`${shop.url}/protected`);
  assert.equal(page.status, 302);
  assert.ok(page.location.startsWith(`${issuer.url}authorize?`), page.location);
});

test('a wrong password signs nobody in', async () => {
  const browser = new Browser();
  const page = await browser.signIn(await browser.open(`${shop.url}/login`), EMAIL, 'wrong');
  assert.ok(page.url.startsWith(issuer.url), page.url);
  assert.equal(await shop.claimsOf(browser), undefined);
});

test('a session revoked through the Management API is dead in the app, and the next sign-in lives', async () => {
  const browser = new Browser();
  const first = await signIn(browser, shop);
  await issuer.revoke(first.sid, machine);
  await isOut(browser, shop);

  const second = await signIn(browser, shop);
  assert.equal(second.sub, first.sub);
  assert.notEqual(second.sid, first.sid);
});

test('revoking one session leaves the same person signed in elsewhere', async () => {
  const [laptop, phone] = [new Browser(), new Browser()];
  const onLaptop = await signIn(laptop, shop);
  const onPhone = await signIn(phone, shop);
  assert.notEqual(onPhone.sid, onLaptop.sid);

  await issuer.revoke(onLaptop.sid, machine);
  await isOut(laptop, shop);
  assert.equal((await shop.claimsOf(phone))?.sid, onPhone.sid);
});

test('signing out of one app ends the session of the other', async () => {
  const browser = new Browser();
  const { sid } = await signIn(browser, shop);
  await browser.open(`${forum.url}/login`);
  assert.equal((await forum.claimsOf(browser))?.sid, sid, 'the second app asks for no password and shares the session');

  const goodbye = await browser.open(`${shop.url}/logout`);
  assert.equal(goodbye.url, `${shop.url}/`, `signing out ended elsewhere: ${goodbye.text}`);
  assert.equal(await shop.claimsOf(browser), undefined);
  await isOut(browser, forum);

  const page = await browser.open(`${shop.url}/login`);
  assert.ok(page.url.startsWith(issuer.url), 'the issuer asks for the password again');
});
