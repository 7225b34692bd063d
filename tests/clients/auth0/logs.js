// The event log in both its modes.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { all, management, refusedWith } from './stage.js';

// The SDK has no parameters for these: its documentation says to add them by hand.
const asked = (queryParams) => management.logs.list({}, { queryParams });

const make = (name) => management.clients.create({ name });

test('the log is searched, sorted and paged to its end', async () => {
  await make('logged');
  const listed = await all(await management.logs.list({ per_page: 20 }));
  assert.ok(listed.length > 5);
  const ids = listed.map(({ log_id }) => log_id);
  assert.equal(new Set(ids).size, ids.length);
  assert.deepEqual(ids, [...ids].sort().reverse(), 'the latest written comes first');
  const operations = await all(await management.logs.list({ search: 'type:sapi AND description:"Create a client"', per_page: 3 }));
  assert.ok(operations.length >= 1 && operations.every(({ type }) => type === 'sapi'));
  const oldest = await management.logs.list({ sort: 'date:1', per_page: 1 });
  assert.equal(oldest.data[0].log_id, listed.at(-1).log_id);
  const parts = await management.logs.list({ fields: 'type,date', include_fields: true, per_page: 1 });
  assert.deepEqual(Object.keys(parts.data[0]).sort(), ['date', 'type']);
  const found = await asked({ q: 'type:sapi', page: 0, per_page: 2, include_totals: true });
  assert.ok(found.response.total >= 2 && found.data.length === 2);
});

test('the list ends while records are written', async () => {
  let made = 0;
  const listed = await all(await management.logs.list({ per_page: 10 }), {
    between: async (count) => {
      // Each of them moves the rest by one.
      if (count % 5 === 0 && made < 4) await make(`written meanwhile ${made += 1}`);
    },
  });
  assert.ok(listed.length > made);
});

test('one record is read, and one that is none is told so', async () => {
  const [newest] = (await management.logs.list({ per_page: 1 })).data;
  const read = await management.logs.get(newest.log_id);
  assert.deepEqual(read, newest);
  await assert.rejects(management.logs.get('90000000000000000999999000000000000000000000000000000000'), refusedWith(404, /inexistent_log/));
});

test('whoever reads on from a record misses nothing, also while records are written', async () => {
  const body = async (parameters) => {
    const page = await asked(parameters);
    assert.ok(Array.isArray(page.response), 'a checkpoint is answered with an array');
    return page.response;
  };
  const known = (await all(await management.logs.list({ per_page: 100 }))).map(({ log_id }) => log_id);
  const read = [];
  let from;
  for (let page = 0; ; page += 1) {
    assert.ok(page < 100, 'the log does not end');
    const records = await body(from ? { from, take: 20 } : { take: 20 });
    if (records.length === 0) break;
    read.push(...records.map(({ log_id }) => log_id));
    from = read.at(-1);
    if (page < 3) await make(`written after page ${page}`);
  }
  assert.equal(new Set(read).size, read.length);
  for (const id of known) assert.ok(read.includes(id), `${id} is missing`);
  assert.ok(read.length > known.length);
  assert.deepEqual(read, [...read].sort(), 'the oldest comes first');
});
