import { environmentName, flagName, SETTINGS, type Settings, settingKeys } from './settings.ts';

/** The table of settings as text for `--help`: flag, variable, default, meaning. Two lines each. */
export function settingsHelp(): string {
  return settingKeys()
    .map((key) => {
      const { default: standard, meaning, secret, aliases = [] } = SETTINGS[key];
      const names = [...(secret === true ? [] : [flagName(key)]), environmentName(key), ...aliases];
      const shown = describe(standard);
      return `  ${names.join(', ')}\n      ${meaning}${shown === '' ? '' : ` (default ${shown})`}`;
    })
    .join('\n');
}

type Value = Settings[keyof Settings];

function describe(value: Value): string {
  switch (typeof value) {
    case 'boolean':
      return value ? '1' : '0';
    case 'object':
      return value.join(',');
    case 'undefined':
      return '';
    default:
      return `${value}`;
  }
}
