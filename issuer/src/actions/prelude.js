// What an Action finds: `event`, `api`, `console`, `exports`. Called once for each run with the
// job as JSON and the functions of the host; gives the function that starts the Action. The host
// keeps the session's metadata, the commands and the output, so a script that bends the built-ins
// deceives nobody but itself: the host checks every command again.
(function (jobText, host) {
  'use strict';
  const { parse, stringify } = JSON;
  const { isFinite } = Number;
  const set = Reflect.set;
  const job = parse(jobText);
  const event = job.event;
  const { session, user, transaction } = event;
  event.secrets = job.secrets;
  const reserved = new Set(job.reserved);
  const cache = new Map(Object.entries(job.cache));

  const emit = (command) => {
    if (!host.emit(stringify(command))) throw new Error('The Action asks for too much at once.');
  };
  const fail = (text) => { throw new Error(text); };
  const text = (value, what) => {
    if (typeof value !== 'string') throw new TypeError(`${what} must be a string`);
    if (!value.isWellFormed()) throw new TypeError(`${what} must be well-formed Unicode`);
    return value;
  };
  // JSON of a value, checked, as a value of its own.
  const plain = (value, what) => {
    const written = stringify(value === undefined ? null : value);
    if (written === undefined) throw new TypeError(`${what} must be something that JSON can hold`);
    return parse(written);
  };
  const put = (owner, name, key, value) => {
    if (owner === null || typeof owner !== 'object') return;
    const next = Object.assign(Object.create(null), owner[name]);
    if (value === null) delete next[key]; else next[key] = value;
    set(owner, name, Object.assign({}, next));
  };

  // -- session --------------------------------------------------------------------------------
  const hasSession = session !== null && typeof session === 'object' && 'id' in session;
  const metadataFails = (why) => fail(`Failed to set session metadata: ${why}`);
  const showMetadata = () => set(session, 'metadata', parse(host.metadata()));
  const deleteMetadata = (key) => {
    if (!hasSession || typeof key !== 'string' || !key.isWellFormed()) return;
    if (!host.deleteMetadata(key)) return;
    emit({ do: 'deleteMetadata', key });
    showMetadata();
  };
  const setMetadata = (key, value) => {
    if (!hasSession) metadataFails('Cannot set metadata on a session that does not exist.');
    if (typeof key !== 'string') metadataFails(job.texts.key);
    if (value === null) { deleteMetadata(key); return; }
    if (typeof value !== 'string') metadataFails(job.texts.value);
    if (!key.isWellFormed() || !value.isWellFormed()) {
      metadataFails('Invalid metadata: Metadata must be well-formed Unicode');
    }
    const fault = host.setMetadata(key, value);
    if (fault !== '') metadataFails(fault);
    emit({ do: 'setMetadata', key, value });
    showMetadata();
  };
  const evictMetadata = () => {
    if (!hasSession) return;
    host.evictMetadata();
    emit({ do: 'evictMetadata' });
    showMetadata();
  };
  const expiry = (command, member) => (at) => {
    if (at === undefined || at === null || at === 0) {
      fail('Either inactivity or absolute expiration time must be provided');
    }
    if (typeof at !== 'number' || !isFinite(at) || at < 0) {
      throw new TypeError('The expiration time must be a number of milliseconds since 1970');
    }
    emit({ do: command, at });
    if (!hasSession) return;
    const before = Date.parse(session[member]);
    const first = before < at ? before : at;
    set(session, member, new Date(Math.min(first, 8.64e15)).toISOString());
  };
  const setCookieMode = (mode) => {
    if (mode === undefined || mode === null || mode === '') fail('Cookie mode must be provided');
    if (mode !== 'persistent' && mode !== 'non-persistent') {
      fail(`Invalid cookie mode: ${mode}. Valid values are 'persistent' and 'non-persistent'.`);
    }
    emit({ do: 'setCookieMode', mode });
    if (hasSession) set(session, 'cookie', { mode });
  };
  const revoke = (reason, options) => {
    const preserveRefreshTokens = !!(options && options.preserveRefreshTokens);
    emit({ do: 'revoke', reason: text(reason ?? '', 'The reason'), preserveRefreshTokens });
  };

  // -- tokens ---------------------------------------------------------------------------------
  const claim = (command) => (name, value) => {
    text(name, 'The name of a claim');
    if (name === '') fail('The name of a claim must not be empty');
    if (reserved.has(name)) fail(`The claim ${name} is reserved and cannot be set by an Action.`);
    emit({ do: command, name, value: plain(value, 'The value of a claim') });
    return api;
  };
  const scope = (command) => (name) => {
    text(name, 'A scope');
    if (!/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(name)) fail('A scope is one word of printable ASCII');
    emit({ do: command, scope: name });
    return api;
  };

  // -- user, transaction ----------------------------------------------------------------------
  const userMetadata = (command, member) => (key, value) => {
    text(key, 'The key');
    value = plain(value, 'The value');
    emit({ do: command, key, value });
    put(user, member, key, value);
    return api;
  };
  const setTransactionMetadata = (key, value) => {
    text(key, 'The key');
    if (value === undefined) value = null;
    if (value !== null && !['string', 'number', 'boolean'].includes(typeof value)) {
      throw new TypeError('The value must be a string, a number, a boolean or null');
    }
    value = plain(value, 'The value');
    emit({ do: 'setTransactionMetadata', key, value });
    put(transaction, 'metadata', key, value);
    return api;
  };

  // -- cache ----------------------------------------------------------------------------------
  const bytes = (value) => host.bytes(value);
  const cached = (key) => {
    const entry = cache.get(key);
    if (entry === undefined || entry.expires_at <= Date.now()) return undefined;
    return { value: entry.value, expires_at: entry.expires_at };
  };
  const setCache = (key, value, options) => {
    const refuse = (code) => ({ type: 'error', code });
    if (typeof key !== 'string' || !key.isWellFormed() || bytes(key) > 64) {
      return refuse('CacheKeySizeExceeded');
    }
    if (typeof value !== 'string' || !value.isWellFormed()) return refuse('InvalidCacheValue');
    if (bytes(value) > 4096) return refuse('ItemSizeExceeded');
    const now = Date.now();
    for (const known of [...cache.keys()]) {
      if (cached(known) === undefined) cache.delete(known);
    }
    if (!cache.has(key) && cache.size >= 20) return refuse('CacheSizeExceeded');
    const longest = now + 24 * 3600 * 1000;
    let expires_at = now + 15 * 60 * 1000;
    if (options && isFinite(options.ttl)) expires_at = now + options.ttl;
    if (options && isFinite(options.expires_at)) expires_at = options.expires_at;
    expires_at = Math.min(expires_at, longest);
    const entry = { value, expires_at };
    emit({ do: 'setCache', key, entry });
    cache.set(key, entry);
    return { type: 'success', record: { value, expires_at } };
  };
  const deleteCache = (key) => {
    if (typeof key !== 'string' || !cache.has(key)) return { type: 'error', code: 'ItemNotFound' };
    emit({ do: 'deleteCache', key });
    cache.delete(key);
    return { type: 'success' };
  };

  // -- what others give and this issuer does not -----------------------------------------------
  const missing = (group, names) => Object.fromEntries(names.map((name) => [
    name, () => fail(`api.${group}.${name} is not available in this issuer.`),
  ]));

  const api = {
    access: { deny: (reason) => { emit({ do: 'deny', reason: text(reason, 'The reason') }); return api; } },
    accessToken: {
      setCustomClaim: claim('setAccessTokenClaim'),
      addScope: scope('addScope'),
      removeScope: scope('removeScope'),
    },
    authentication: missing('authentication', [
      'challengeWith', 'challengeWithAny', 'enrollWith', 'enrollWithAny', 'recordMethod',
      'setPrimaryUser',
    ]),
    cache: { get: cached, set: setCache, delete: deleteCache },
    groups: missing('groups', ['getUserGroups', 'hasGroupMembership', 'getGroups']),
    idToken: { setCustomClaim: claim('setIdTokenClaim') },
    multifactor: missing('multifactor', ['enable']),
    prompt: missing('prompt', ['render']),
    redirect: {
      canRedirect: () => false,
      ...missing('redirect', ['encodeToken', 'sendUserTo', 'validateToken']),
    },
    refreshToken: missing('refreshToken', [
      'revoke', 'setExpiresAt', 'setIdleExpiresAt', 'setMetadata', 'deleteMetadata',
      'evictMetadata',
    ]),
    roles: missing('roles', ['getUserRoles', 'hasRole', 'getRoles']),
    rules: missing('rules', ['wasExecuted']),
    samlResponse: missing('samlResponse', [
      'setAttribute', 'setAudience', 'setRecipient', 'setDestination', 'setLifetimeInSeconds',
      'setCert', 'setKey', 'setEncryptionCert', 'setEncryptionPublicKey', 'setIssuer',
      'setRelayState', 'setNameIdentifierFormat', 'setNameIdentifierProbes',
      'setSignatureAlgorithm', 'setDigestAlgorithm', 'setSignResponse',
      'setCreateUpnClaim', 'setPassthroughClaimsWithNoMapping', 'setMapUnknownClaimsAsIs',
      'setMapIdentities', 'setTypedAttributes', 'setIncludeAttributeNameFormat',
    ]),
    session: {
      setMetadata, deleteMetadata, evictMetadata, revoke, setCookieMode,
      setExpiresAt: expiry('setExpiresAt', 'expires_at'),
      setIdleExpiresAt: expiry('setIdleExpiresAt', 'idle_expires_at'),
    },
    transaction: { setMetadata: setTransactionMetadata },
    user: {
      setAppMetadata: userMetadata('setAppMetadata', 'app_metadata'),
      setUserMetadata: userMetadata('setUserMetadata', 'user_metadata'),
    },
    validation: missing('validation', ['error']),
  };

  // -- console --------------------------------------------------------------------------------
  const show = (value) => {
    if (typeof value === 'string') return value;
    if (value instanceof Error) return `${value.name}: ${value.message}`;
    try { return stringify(value) ?? String(value); } catch { return String(value); }
  };
  const log = (...values) => { host.log(values.map(show).join(' ').toWellFormed()); };
  const console = { log, info: log, warn: log, error: log, debug: log };
  const absent = (name) => () => fail(`${name} is not available to Actions in this issuer.`);
  globalThis.require = absent('require');
  globalThis.fetch = absent('fetch');
  globalThis.setTimeout = absent('setTimeout');
  globalThis.setInterval = absent('setInterval');
  globalThis.console = console;

  return function (load) {
    const module = { exports: {} };
    load(module.exports, module);
    const entry = module.exports.onExecutePostLogin;
    if (typeof entry !== 'function') fail('The Action does not export onExecutePostLogin.');
    return entry(event, api);
  };
})
