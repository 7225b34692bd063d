// npm's oidc-provider with back-channel logout on, for one relying party.
//
// It refuses to call loopback addresses (its guard against server-side request forgery sits in the
// dispatcher that it hands to `fetch`); the relying party of these tests is on loopback, so `fetch`
// is given without that dispatcher. Its own pages for development do the signing in.

import { once } from 'node:events';
import { createServer } from 'node:http';

import { Provider } from 'oidc-provider';

export class OtherProvider {
  // What the relying party answered, one entry a logout token: `told` or the error.
  outcomes = [];

  static async start(client) {
    const provider = new OtherProvider();
    provider.server = createServer((request, response) => provider.handle(request, response));
    provider.server.listen(0, '127.0.0.1');
    await once(provider.server, 'listening');
    provider.url = `http://127.0.0.1:${provider.server.address().port}`;

    const oidc = new Provider(provider.url, {
      clients: [{
        token_endpoint_auth_method: 'client_secret_basic',
        backchannel_logout_session_required: true,
        ...client,
      }],
      features: { backchannelLogout: { enabled: true } },
      cookies: { keys: ['a key that signs the cookies of this test'] },
      fetch: (url, { dispatcher: _, ...options }) => fetch(url, options),
    });
    oidc.on('backchannel.success', () => provider.outcomes.push('told'));
    oidc.on('backchannel.error', (_context, error) => provider.outcomes.push(error.message));
    provider.handle = oidc.callback();
    return provider;
  }

  async close() {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
