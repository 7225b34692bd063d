// All calls of the SDK, one file for each noun, in a process that was started with the issuer's
// authority.

import { before } from 'node:test';

import { SHOP, management } from './stage.js';

// Without it, nothing says more than this.
before(() => management.clients.get(SHOP));

await import('./token.js');
await import('./sessions.js');
await import('./clients.js');
await import('./users.js');
await import('./logs.js');
await import('./actions.js');
await import('./settings.js');
