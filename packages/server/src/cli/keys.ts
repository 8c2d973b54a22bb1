import { asRecord, type Client, clientOf, textOf } from './client.ts';
import { type Command, type Given, OUTPUT_FLAG, SERVER_FLAGS } from './command.ts';
import { durationMs } from './duration.ts';
import { EXIT } from './exit-code.ts';
import { usageFailure } from './failure.ts';
import type { Io } from './io.ts';
import { showRows } from './table.ts';

export const keys: Command = {
  name: 'keys',
  summary: 'list, make and revoke keys',
  usage: ['keys list [flags]', 'keys create [flags] NAME', 'keys delete ID'],
  about: `create prints the key, this once, on stdout; what else there is to know of it goes to stderr. Scopes are
projects:read|execute, keys:read|write, streams:read|write, computers:read|control|cdp, chats:read|write,
cameras:read|write, contexts:read|write|impersonate, audit:read and admin, which is all of them.`,
  flags: {
    scope: {
      type: 'string',
      short: 's',
      value: 'SCOPE',
      multiple: true,
      meaning: 'What the key may do; may be given again',
    },
    tenant: { type: 'string', value: 'TENANT', meaning: 'Whose key it is (default: that of your own key)' },
    user: { type: 'string', value: 'ID', meaning: 'Bind the key to a user' },
    expires: { type: 'string', value: 'DURATION', meaning: 'How long it is valid, e.g. 30d' },
    'allow-network': {
      type: 'string',
      value: 'PLACE',
      multiple: true,
      meaning: 'What its browsers may reach though it is not public; may be given again',
    },
    'allow-ip': {
      type: 'string',
      value: 'NETWORK',
      multiple: true,
      meaning: 'Where it is valid from; may be given again',
    },
    ...OUTPUT_FLAG,
    ...SERVER_FLAGS,
  },
  takes: 'words',
  words: ['list', 'create', 'delete'],
  examples: [
    'playhead keys create ci --scope projects:execute --expires 30d',
    'playhead keys list -o json | jq -r .id',
    'playhead keys delete key_…',
  ],
  async run(given, io) {
    const [verb = 'list', ...words] = given.words;
    switch (verb) {
      case 'list':
        return list(given, io);
      case 'create':
        return createKey(clientOf(given, io), words, given, io);
      case 'delete':
        return remove(clientOf(given, io), words);
      default:
        throw usageFailure(`keys has no ${verb}.`, 'It has list, create and delete.');
    }
  },
};

async function list(given: Given, io: Io): Promise<number> {
  const tenant = given.text('tenant');
  const query = tenant === undefined ? '' : `?tenant=${encodeURIComponent(tenant)}`;
  const { data } = asRecord(await clientOf(given, io).json('GET', `/keys${query}`));
  const columns = ['id', 'key_prefix', 'name', 'scopes', 'tenant', 'user_id', 'expires_at', 'last_used_at'];
  await showRows(Array.isArray(data) ? data.map(asRecord) : [], columns, given, io);
  return EXIT.done;
}

async function createKey(client: Client, words: readonly string[], given: Given, io: Io): Promise<number> {
  const [name, ...others] = words;
  const scopes = given.all('scope');
  if (name === undefined || others.length > 0) throw usageFailure('Give the key one name.');
  if (scopes.length === 0) throw usageFailure('Say what the key may do: --scope streams:read, for example.');
  const { tenant, user, expires } = {
    tenant: given.text('tenant'),
    user: given.text('user'),
    expires: given.text('expires'),
  };
  const answer = await client.json('POST', '/keys', {
    name,
    scopes,
    ...(tenant === undefined ? {} : { tenant }),
    ...(user === undefined ? {} : { user_id: user }),
    ...(expires === undefined ? {} : { expires_in: Math.round(durationMs(expires, '--expires') / 1000) }),
    ...(given.all('allow-ip').length === 0 ? {} : { allowed_ips: given.all('allow-ip') }),
    ...(given.all('allow-network').length === 0 ? {} : { allowed_networks: given.all('allow-network') }),
  });
  const { warnings, ...made } = asRecord(asRecord(answer)['data']);
  for (const warning of Array.isArray(warnings) ? warnings : []) io.warn(String(warning));
  if (given.text('output') === 'json') {
    await io.print(`${JSON.stringify(made)}\n`);
    return EXIT.done;
  }
  io.note(`${textOf(made['id']) ?? ''}: shown this once, expires ${textOf(made['expires_at']) ?? 'never'}`);
  await io.print(`${textOf(made['key']) ?? ''}\n`);
  return EXIT.done;
}

async function remove(client: Client, words: readonly string[]): Promise<number> {
  const [id, ...others] = words;
  if (id === undefined || others.length > 0)
    throw usageFailure('Name one key by its id.', '`playhead keys list` shows them.');
  await client.json('DELETE', `/keys/${encodeURIComponent(id)}`);
  return EXIT.done;
}
