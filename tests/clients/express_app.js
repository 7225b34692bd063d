// An Express app that signs in with express-openid-connect and takes back-channel logout.
//
// Nothing here knows our issuer: what its own documentation tells a user to write, and no more.
// The store is the app's: sessions and the marks of ended ones live in it.

import { once } from 'node:events';

import express from 'express';
import eoc from 'express-openid-connect';

// Sessions in memory, with the three methods of an express-session store.
class MemoryStore {
  #sessions = new Map();

  get(id, done) { done(null, this.#sessions.get(id)); }

  set(id, session, done) { this.#sessions.set(id, session); done(null); }

  destroy(id, done) { this.#sessions.delete(id); done(null); }
}

// Starts listening at once, so that its addresses are known before the client is registered;
// `connect` adds the sign-in.
export class ExpressApp {
  static async listen(name) {
    const app = new ExpressApp();
    app.name = name;
    app.express = express();
    app.server = app.express.listen(0, '127.0.0.1');
    await once(app.server, 'listening');
    app.url = `http://127.0.0.1:${app.server.address().port}`;
    app.callback = `${app.url}/callback`;
    app.backchannelLogout = `${app.url}/backchannel-logout`;
    return app;
  }

  connect(issuer, { client_id, client_secret }) {
    this.express.use(eoc.auth({
      issuerBaseURL: issuer,
      baseURL: this.url,
      clientID: client_id,
      clientSecret: client_secret,
      secret: 'a long secret that signs the cookies of this test',
      authorizationParams: { response_type: 'code' },
      authRequired: false,
      idpLogout: true,
      backchannelLogout: true,
      session: { name: `${this.name}Session`, store: new MemoryStore() },
      transactionCookie: { name: `${this.name}Transaction` },
    }));
    this.express.get('/', (request, response) => {
      response.json({ signedIn: request.oidc.isAuthenticated() });
    });
    this.express.get('/protected', eoc.requiresAuth(), (request, response) => {
      response.json({ claims: request.oidc.idTokenClaims });
    });
  }

  // The claims that the app holds for this browser, or none when it sends the person to sign in.
  async claimsOf(browser) {
    const page = await browser.request(`${this.url}/protected`);
    if (page.status === 200) return JSON.parse(page.text).claims;
    if (page.location) return undefined;
    throw new Error(`${page.url} answered ${page.status}: ${page.text}`);
  }

  async close() {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
