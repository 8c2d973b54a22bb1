import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { nearest } from './nearest.ts';
import { environmentName, flagName, type Settings, SETTINGS, settingKeys } from './settings.ts';

export interface SettingSources {
  /** Arguments behind the name of the command. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Relative paths and `playhead.config.json` are looked for here. */
  readonly cwd: string;
}

/** Settings that cannot be used. Each problem is one line for the operator; no value of a secret is in it. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/** Where commands find their server: no setting, but whoever starts a server may have it in the environment. */
const CLIENT_URL = 'PLAYHEAD_URL';

type Key = keyof Settings;

/** A value and where it came from, by which it is called in problems. */
interface Given {
  readonly value: unknown;
  readonly from: string;
}

/**
 * The settings in force: flags before environment, environment before `config.json` in the data folder, that
 * before `playhead.config.json` in the working directory, that before defaults. An empty variable counts as not
 * set. Throws a SettingsError with everything that is wrong at once.
 */
export function loadSettings({ argv, env, cwd }: SettingSources): Settings {
  const problems: string[] = [];
  const given = new Map<Key, Given>();
  const flags = readFlags(argv, problems);
  const variables = readEnvironment(env, problems);
  const here = readFile(join(cwd, 'playhead.config.json'), problems);
  const folder = [flags, variables, here].map((each) => each.get('data')?.value).find(isText);
  const data = resolve(cwd, folder ?? SETTINGS.data.default);
  const there = readFile(join(data, 'config.json'), problems);
  if (there.delete('data'))
    problems.push(`${join(data, 'config.json')}: data cannot be set in the data folder itself.`);
  for (const source of [here, there, variables, flags]) {
    for (const [key, value] of source) given.set(key, value);
  }
  const values = new Map<Key, unknown>();
  for (const key of settingKeys()) values.set(key, valueOf(key, given.get(key), problems));
  if (problems.length > 0) throw new SettingsError(problems);
  values.set('data', data);
  // Every key was read by its own schema just now.
  return Object.fromEntries(values) as unknown as Settings;
}

function valueOf(key: Key, given: Given | undefined, problems: string[]): unknown {
  const { schema, default: standard } = SETTINGS[key];
  if (given === undefined) return standard;
  const result = schema.safeParse(given.value);
  if (result.success) return result.data;
  problems.push(`${given.from}: ${result.error.issues.map((issue) => issue.message).join('; ')}.`);
  return standard;
}

function readEnvironment(env: SettingSources['env'], problems: string[]): Map<Key, Given> {
  const byName = new Map<string, Key>();
  for (const key of settingKeys()) {
    for (const alias of SETTINGS[key].aliases ?? []) byName.set(alias, key);
    byName.set(environmentName(key), key);
  }
  const found = new Map<Key, Given>();
  for (const [name, value] of Object.entries(env)) {
    const key = byName.get(name);
    if (key === undefined) {
      if (name.startsWith('PLAYHEAD_') && name !== CLIENT_URL)
        problems.push(unknown(name, [...byName.keys()]));
    } else if (
      value !== undefined &&
      value.trim() !== '' &&
      (name === environmentName(key) || !found.has(key))
    ) {
      found.set(key, { value, from: name });
    }
  }
  return found;
}

function readFlags(argv: readonly string[], problems: string[]): Map<Key, Given> {
  const byName = new Map(
    settingKeys()
      .filter((key) => SETTINGS[key].secret !== true)
      .map((key) => [flagName(key), key]),
  );
  const found = new Map<Key, Given>();
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] ?? '';
    const equals = argument.indexOf('=');
    const name = equals === -1 ? argument : argument.slice(0, equals);
    const key = byName.get(name);
    if (key === undefined) {
      problems.push(
        name.startsWith('-') ? unknown(name, [...byName.keys()]) : `${name}: no argument is expected here.`,
      );
      continue;
    }
    const next = argv[i + 1];
    let value: string | undefined;
    if (equals !== -1) value = argument.slice(equals + 1);
    else if (typeof SETTINGS[key].default === 'boolean') value = 'true';
    else if (next !== undefined && !next.startsWith('--')) {
      value = next;
      i++;
    }
    if (value === undefined) problems.push(`${name}: a value is missing.`);
    else found.set(key, { value, from: name });
  }
  return found;
}

function readFile(file: string, problems: string[]): Map<Key, Given> {
  const found = new Map<Key, Given>();
  const content = contentOf(file, problems);
  if (content === undefined) return found;
  const keys = settingKeys();
  for (const [name, value] of Object.entries(content)) {
    const key = keys.find((each) => each === name);
    if (key === undefined) problems.push(unknown(`${file}: ${name}`, keys, name));
    else found.set(key, { value, from: `${file}: ${name}` });
  }
  return found;
}

function contentOf(file: string, problems: string[]): object | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) {
      return undefined;
    }
    problems.push(`${file}: cannot be read.`);
    return undefined;
  }
  try {
    const content: unknown = JSON.parse(text);
    if (typeof content === 'object' && content !== null && !Array.isArray(content)) return content;
    problems.push(`${file}: must hold one JSON object.`);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    problems.push(`${file}: is not valid JSON.`);
  }
  return undefined;
}

function unknown(shown: string, known: readonly string[], name: string = shown): string {
  const closest = nearest(name, known);
  return `${shown}: there is no such setting.${closest === undefined ? '' : ` Did you mean ${closest}?`}`;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
