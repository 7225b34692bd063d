// A browser by script: a cookie jar, redirects followed one by one, forms filled in.
//
// Cookies are kept as browsers keep them: by host without the port, so two apps on 127.0.0.1 must
// name theirs apart, and `Secure` ones never travel over plain http. Scripts in pages do not run.

const MAX_REDIRECTS = 20;

export class Browser {
  #cookies = new Map();

  // Opens an address and follows redirects to the page where they end.
  async open(url, init = {}) {
    let page = await this.request(url, init);
    for (let hops = 0; page.location; hops += 1) {
      if (hops === MAX_REDIRECTS) throw new Error(`redirected ${MAX_REDIRECTS} times, last to ${page.location}`);
      page = await this.request(page.location);
    }
    return page;
  }

  // One exchange; a redirect is told as `location`, not followed.
  async request(url, { method = 'GET', form } = {}) {
    const headers = { accept: 'text/html,application/json' };
    const cookie = this.#cookiesFor(new URL(url));
    if (cookie) headers.cookie = cookie;
    const response = await fetch(url, {
      method,
      headers,
      body: form && new URLSearchParams(form),
      redirect: 'manual',
      signal: AbortSignal.timeout(10_000),
    });
    this.#remember(new URL(url), response.headers.getSetCookie());
    const location = response.headers.get('location');
    return {
      url: new URL(url).href,
      status: response.status,
      text: await response.text(),
      location: location && response.status >= 300 && response.status < 400 ? new URL(location, url).href : undefined,
    };
  }

  // Submits the page's only form with its hidden fields and the values given.
  async submit(page, values) {
    const form = formOf(page);
    return this.open(form.action, { method: 'POST', form: { ...form.fields, ...values } });
  }

  // Fills in a sign-in page: the password field is known by its type, the other by not being hidden.
  async signIn(page, name, password) {
    const { visible } = formOf(page);
    const secret = visible.find((field) => field.type === 'password');
    const who = visible.find((field) => field.type !== 'password' && field.type !== 'submit' && field.type !== 'checkbox');
    if (!secret || !who) throw new Error(`no sign-in form at ${page.url}: ${page.text}`);
    return this.submit(page, { [who.name]: name, [secret.name]: password });
  }

  #cookiesFor(url) {
    return [...this.#cookies.values()]
      .filter((cookie) => cookie.host === url.hostname && url.pathname.startsWith(cookie.path))
      .filter((cookie) => !cookie.secure || url.protocol === 'https:')
      .map((cookie) => `${cookie.name}=${cookie.value}`)
      .join('; ');
  }

  #remember(url, lines) {
    for (const line of lines) {
      const [pair, ...rest] = line.split(';').map((part) => part.trim());
      const attributes = new Map(rest.map((part) => [part.split('=')[0].toLowerCase(), part.slice(part.indexOf('=') + 1)]));
      const split = pair.indexOf('=');
      const cookie = {
        host: url.hostname,
        name: pair.slice(0, split),
        value: pair.slice(split + 1),
        path: attributes.get('path') ?? '/',
        secure: attributes.has('secure'),
      };
      const key = `${cookie.host} ${cookie.path} ${cookie.name}`;
      const age = attributes.get('max-age');
      const gone = age === undefined ? Date.parse(attributes.get('expires')) <= Date.now() : Number(age) <= 0;
      if (gone) this.#cookies.delete(key);
      else this.#cookies.set(key, cookie);
    }
  }
}

// Where the page's only form goes, its hidden fields, and the fields that a person fills in.
function formOf(page) {
  const forms = [...page.text.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)];
  if (forms.length !== 1) throw new Error(`${forms.length} forms at ${page.url} (status ${page.status}): ${page.text}`);
  const [, head, body] = forms[0];
  const inputs = [...body.matchAll(/<input\b([^>]*)>/gi)].map(([, tag]) => attributesOf(tag)).filter((input) => input.name);
  return {
    action: new URL(attributesOf(head).action || page.url, page.url).href,
    fields: Object.fromEntries(inputs.filter((input) => input.type === 'hidden').map((input) => [input.name, input.value ?? ''])),
    visible: inputs.filter((input) => input.type !== 'hidden'),
  };
}

function attributesOf(tag) {
  const pairs = [...tag.matchAll(/([\w-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g)];
  return Object.fromEntries(pairs.map(([, name, a, b, c]) => [name.toLowerCase(), unescape(a ?? b ?? c ?? '')]));
}

function unescape(text) {
  const named = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal) return String.fromCodePoint(Number(decimal));
    return named[name] ?? whole;
  });
}
