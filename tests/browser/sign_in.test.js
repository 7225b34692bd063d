// A person in a real browser: the issuer's login page and the receiver's example app.
//
// The browser is Debian's Chromium, which playwright-core drives; its profile is new for each test.
// Where hands would type, keys are pressed: what works here works without a mouse.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';

import { chromium } from 'playwright-core';

import { Issuer, Program, environment, eventually, freePort } from '../clients/program.js';

const EMAIL = 'ada@example.com';
const PASSWORD = 'correct horse battery staple';
const CHROMIUM_FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

let issuer;
let machine;
let app;
let appUrl;
let browser;
let page;
let complaints;

before(async () => {
  const listen = `127.0.0.1:${await freePort()}`;
  appUrl = `http://${listen}`;
  issuer = await Issuer.prepare();
  await issuer.command('user', 'create', '--email', EMAIL, '--password', PASSWORD);
  machine = await issuer.command('client', 'create', '--name', 'machine', '--management-scopes', 'all');
  const client = await issuer.command(
    'client', 'create', '--name', 'Sample app', '--callback', `${appUrl}/callback`,
    '--backchannel-logout-url', `${appUrl}/backchannel-logout`, '--logout-url', appUrl, '--initiators', 'all',
  );
  await issuer.serve();
  app = await Program.start(environment('AXUM_APP'), [
    '--issuer', issuer.url, '--client-id', client.client_id, '--client-secret', client.client_secret, '--listen', listen,
  ], { readyAt: `${appUrl}/` });
  browser = await chromium.launch({ executablePath: environment('CHROMIUM'), args: CHROMIUM_FLAGS });
});

after(async () => {
  await browser?.close();
  await app?.stop();
  await issuer?.stop();
});

beforeEach(async () => {
  const context = await browser.newContext();
  page = await context.newPage();
  page.setDefaultTimeout(10_000);
  complaints = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.location().url.endsWith('/favicon.ico')) complaints.push(message.text());
  });
});

afterEach(async () => {
  await page.context().close();
});

// Moves the focus by the Tab key to the link or button of that name, and presses Enter.
async function press(name) {
  for (let steps = 0; steps < 20; steps += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(() => document.activeElement?.textContent?.trim()) === name) {
      await page.keyboard.press('Enter');
      return;
    }
  }
  throw new Error(`the Tab key does not reach "${name}" at ${page.url()}`);
}

const focused = () => page.evaluate(() => document.activeElement?.getAttribute('type'));

async function openLoginPage() {
  await page.goto(appUrl);
  await press('Sign in');
  await page.waitForURL(`${issuer.url}**`);
}

// Types into the focused fields of the login page.
async function typeCredentials(password) {
  assert.equal(await focused(), 'email', 'the address field has the focus');
  await page.keyboard.type(EMAIL);
  await page.keyboard.press('Tab');
  await page.keyboard.type(password);
  await page.keyboard.press('Enter');
}

async function signIn() {
  await openLoginPage();
  await typeCredentials(PASSWORD);
  await page.waitForURL(`${appUrl}/`);
  await page.getByText(EMAIL).waitFor();
  const session = await page.evaluate(async () => (await fetch('/session')).json());
  assert.equal(session.active, true);
  return session;
}

test('a person signs in by keyboard, sees their address, and is out once the session is revoked', async () => {
  const { sid } = await signIn();
  await issuer.revoke(sid, machine);
  await eventually('the app shows nobody signed in', 10, async () => {
    await page.reload();
    return page.getByRole('heading', { name: 'Signed out' }).isVisible();
  });
  assert.equal(await page.getByText(`Signed in as ${EMAIL}`).count(), 0);

  await press('Sign in again');
  await page.waitForURL(`${issuer.url}**`);
  await typeCredentials(PASSWORD);
  await page.waitForURL(`${appUrl}/`);
  await page.getByText(EMAIL).waitFor();
  assert.deepEqual(complaints, []);
});

test('a wrong password is told, the address is kept and the password field has the focus', async () => {
  await openLoginPage();
  await typeCredentials('wrong');
  await page.getByRole('alert').waitFor();
  assert.equal(await page.locator('input[type=email]').inputValue(), EMAIL);
  assert.equal(await focused(), 'password');
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press('Enter');
  await page.waitForURL(`${appUrl}/`);
});

test('every field of the login page has a label, and the page fits a small screen', async () => {
  await page.setViewportSize({ width: 320, height: 568 });
  await openLoginPage();
  const unnamed = await page.locator('input:not([type=hidden])').evaluateAll(
    (inputs) => inputs.filter((input) => input.labels.length === 0).map((input) => input.name),
  );
  assert.deepEqual(unnamed, []);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(overflow, 0, 'nothing reaches over the right edge');
  assert.deepEqual(complaints, []);
});
