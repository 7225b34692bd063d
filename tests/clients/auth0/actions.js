// Actions: made, deployed, bound, run at a login, tested, rolled back, deleted.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { all, endsWhileRowsAreAdded, management, refusedWith, signIn } from './stage.js';

const TRIGGER = 'post-login';

const code = (value) => `exports.onExecutePostLogin = async (event, api) => {
  api.session.setMetadata('made_by', '${value}');
};`;

const create = (name, value = name) => management.actions.create({
  name, code: code(value), supported_triggers: [{ id: TRIGGER, version: 'v3' }],
});

const bind = (...names) => management.actions.triggers.bindings.updateMany(TRIGGER, {
  bindings: names.map((name) => ({ ref: { type: 'action_name', value: name }, display_name: name })),
});

const metadata = async (session) => (await management.sessions.get(session)).session_metadata;

after(() => bind());

test('an Action is made, deployed, bound and runs at the next login', async () => {
  const made = await create('stamps', 'the first');
  assert.equal(made.name, 'stamps');
  assert.equal(made.all_changes_deployed, false);
  const first = await management.actions.deploy(made.id);
  assert.equal(first.number, 1);
  await bind('stamps');
  assert.deepEqual(await metadata(await signIn()), { made_by: 'the first' });
  await management.actions.update(made.id, { code: code('the second') });
  assert.deepEqual(await metadata(await signIn()), { made_by: 'the first' }, 'a draft does not run');
  await management.actions.deploy(made.id);
  assert.deepEqual(await metadata(await signIn()), { made_by: 'the second' });
  await management.actions.versions.deploy(made.id, first.id);
  assert.deepEqual(await metadata(await signIn()), { made_by: 'the first' });
  const versions = await all(await management.actions.versions.list(made.id));
  assert.deepEqual(versions.map(({ number }) => number).sort(), [1, 2, 3]);
  assert.equal((await management.actions.versions.get(made.id, first.id)).code, code('the first'));
  const tested = await management.actions.test(made.id, { payload: { user: { user_id: 'auth0|x' }, session: { id: 'a session', metadata: {} } } });
  assert.match(JSON.stringify(tested.payload), /made_by/);
  await assert.rejects(management.actions.delete(made.id), refusedWith(409, /bound/));
  await management.actions.delete(made.id, { force: true });
  await assert.rejects(management.actions.get(made.id), refusedWith(404, /does not exist/));
  assert.deepEqual(await all(await management.actions.triggers.bindings.list(TRIGGER)), []);
});

test('lists of Actions, versions and bindings end, also while some are made', async () => {
  const names = ['one', 'two', 'three'];
  for (const name of names) await management.actions.deploy((await create(name)).id);
  await bind(...names);
  for (const per_page of [1, 2, 50]) {
    const bound = await all(await management.actions.triggers.bindings.list(TRIGGER, { per_page }));
    assert.deepEqual(bound.map((binding) => binding.action.name), names, `per_page ${per_page}`);
  }
  await endsWhileRowsAreAdded({
    list: () => management.actions.list({ per_page: 2 }),
    key: ({ id }) => id,
    add: (n) => create(`zz made meanwhile ${n}`),
  });
  const [{ id }] = await all(await management.actions.list({ actionName: 'one' }));
  await management.actions.deploy(id);
  await management.actions.deploy(id);
  for (const per_page of [1, 2, 50]) {
    assert.equal((await all(await management.actions.versions.list(id, { per_page }))).length, 3, `per_page ${per_page}`);
  }
  const { triggers } = await management.actions.triggers.list();
  assert.ok(triggers.some((trigger) => trigger.id === TRIGGER));
});

test('code that cannot run is told at the login, and its run can be read', async () => {
  const made = await management.actions.create({
    name: 'fails',
    code: 'exports.onExecutePostLogin = async () => { throw new Error("on purpose"); };',
    supported_triggers: [{ id: TRIGGER, version: 'v3' }],
    secrets: [{ name: 'KEY', value: 'hidden value' }],
  });
  assert.doesNotMatch(JSON.stringify(made), /hidden value/);
  await management.actions.deploy(made.id);
  await bind('fails');
  await assert.rejects(signIn(), /began no session/);
  const [failed] = (await management.logs.list({ search: 'type:actions_execution_failed', per_page: 1 })).data;
  assert.match(JSON.stringify(failed.details), /on purpose/);
  const { execution_id } = failed.details;
  if (execution_id) assert.equal((await management.actions.executions.get(execution_id)).id, execution_id);
  await bind();
});
