import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadSettings, SettingsError, type SettingSources } from './load-settings.ts';
import { environmentName, flagName, SETTINGS, settingKeys } from './settings.ts';
import { settingsHelp } from './settings-help.ts';

const root = mkdtempSync(join(tmpdir(), 'playhead-settings-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;

function folder(files: Record<string, unknown> = {}): string {
  const cwd = join(root, String(++folders));
  mkdirSync(join(cwd, '.playhead'), { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(cwd, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return cwd;
}

function problems(sources: Partial<SettingSources>): string {
  try {
    loadSettings({ argv: [], env: {}, cwd: folder(), ...sources });
  } catch (error) {
    if (error instanceof SettingsError) return error.message;
    throw error;
  }
  return '';
}

test('without anything it is the defaults, with the data folder made absolute', () => {
  const cwd = folder();
  const settings = loadSettings({ argv: [], env: { PATH: '/bin', PLAYHEAD_PUBLIC_URL: '' }, cwd });
  for (const key of settingKeys()) {
    if (key !== 'data') expect(settings[key], key).toEqual(SETTINGS[key].default);
  }
  expect(settings.data).toBe(join(cwd, '.playhead'));
});

test('every default is valid', () => {
  for (const key of settingKeys())
    expect(SETTINGS[key].schema.safeParse(SETTINGS[key].default).success, key).toBe(true);
});

test('file < environment < flags', () => {
  const cwd = folder({
    'playhead.config.json': { port: 1, host: 'a', heartbeatMs: 100, drainMs: 5 },
    '.playhead/config.json': { port: 2, host: 'b', heartbeatMs: 200 },
  });
  const settings = loadSettings({
    argv: ['--port', '4'],
    env: { PLAYHEAD_PORT: '3', PLAYHEAD_HOST: 'c' },
    cwd,
  });
  expect(settings).toMatchObject({ port: 4, host: 'c', heartbeatMs: 200, drainMs: 5 });
});

test('an unknown setting is an error that names the nearest, wherever it stands', () => {
  expect(problems({ env: { PLAYHEAD_PROT: '1' } })).toContain(
    'PLAYHEAD_PROT: there is no such setting. Did you mean PLAYHEAD_PORT?',
  );
  expect(problems({ argv: ['--heartbeet-ms=5'] })).toContain('Did you mean --heartbeat-ms?');
  expect(problems({ cwd: folder({ 'playhead.config.json': { bodylimit: 1 } }) })).toContain(
    'Did you mean bodyLimit?',
  );
});

test('all problems are told at once, and no secret with them', () => {
  const text = problems({
    argv: ['--port', 'x', '--sync=maybe', 'stray', '--host'],
    env: {
      PLAYHEAD_API_KEY: 'short',
      PLAYHEAD_TRUSTED_PROXIES: '10.0.0.0/99',
      PLAYHEAD_ALLOWED_ORIGINS: 'https://a.example/x',
    },
  });
  for (const name of [
    '--port',
    '--sync',
    'stray',
    '--host',
    'PLAYHEAD_API_KEY',
    'PLAYHEAD_TRUSTED',
    'PLAYHEAD_ALLOWED_ORIGINS',
  ]) {
    expect(text).toContain(name);
  }
  expect(text).not.toContain('short');
});

test('files that are no JSON object are an error', () => {
  expect(problems({ cwd: folder({ 'playhead.config.json': '{' }) })).toContain('not valid JSON');
  expect(problems({ cwd: folder({ 'playhead.config.json': [1] }) })).toContain('one JSON object');
  expect(problems({ cwd: folder({ '.playhead/config.json': { data: '/x' } }) })).toContain(
    'data cannot be set',
  );
});

test('values read as they are meant', () => {
  const settings = loadSettings({
    argv: ['--allow-exec', '--body-limit=64KiB', '--trusted-proxies', '10.0.0.0/8, ::1'],
    env: {
      PLAYHEAD_RETENTION_STREAM_BYTES: '1 GiB'.replace(' ', ''),
      PLAYHEAD_ALLOWED_ORIGINS: 'https://a.example,http://localhost:3000',
      PLAYHEAD_PUBLIC_URL: 'https://streams.example/base/',
      RDEV_ADMIN_KEY: 'alias-key',
    },
    cwd: folder(),
  });
  expect(settings).toMatchObject({
    allowExec: true,
    bodyLimit: 65_536,
    trustedProxies: ['10.0.0.0/8', '::1'],
    retentionStreamBytes: 2 ** 30,
    allowedOrigins: ['https://a.example', 'http://localhost:3000'],
    publicUrl: 'https://streams.example/base',
    apiKey: 'alias-key',
  });
});

test('the own name of a setting wins over its alias', () => {
  const env = { RDEV_ADMIN_KEY: 'alias-key', PLAYHEAD_API_KEY: 'own-key-1' };
  expect(loadSettings({ argv: [], env, cwd: folder() }).apiKey).toBe('own-key-1');
});

test('a secret is not taken as a flag', () => {
  expect(problems({ argv: ['--api-key', 'rdev_12345678'] })).toContain('no such setting');
});

test('help names every setting', () => {
  const help = settingsHelp();
  for (const key of settingKeys()) expect(help).toContain(environmentName(key));
  expect(help).toContain(flagName('heartbeatMs'));
  expect(help).not.toContain('--api-key');
});
