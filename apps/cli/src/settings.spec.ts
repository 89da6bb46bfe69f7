import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { configPath, exposesToken, readConfig, readSettings, writeConfig } from './settings.js';

const folder = mkdtempSync(join(tmpdir(), 'runspine-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the config file', () => {
  it('lies where XDG says, else in ~/.config, else where RUNSPINE_CONFIG says', () => {
    expect(configPath({ HOME: '/home/ada' })).toBe('/home/ada/.config/runspine/config.json');
    expect(configPath({ HOME: '/home/ada', XDG_CONFIG_HOME: '/xdg' })).toBe('/xdg/runspine/config.json');
    expect(configPath({ XDG_CONFIG_HOME: '/xdg', RUNSPINE_CONFIG: '/own.json' })).toBe('/own.json');
  });

  it('is its owner’s alone', () => {
    const path = join(folder, 'deep', 'config.json');
    writeConfig(path, 'token', 'secret');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(exposesToken(path)).toBe(false);
    chmodSync(path, 0o644);
    expect(exposesToken(path)).toBe(true);
    writeConfig(path, 'token', undefined);
    expect(readConfig(path)).toEqual({});
  });

  it.each([
    ['{', 'is not JSON'],
    ['[]', 'is not a JSON object'],
    ['{"tennant":"acme"}', 'there is no setting tennant'],
    ['{"tenant":7}', 'tenant is not a text'],
  ])('%s is refused', (text, message) => {
    const path = join(folder, 'wrong.json');
    writeFileSync(path, text);
    expect(() => readConfig(path)).toThrow(message);
    expect(exposesToken(path)).toBe(false);
  });

  it('says which setting gave an address that is none', () => {
    expect(() => readSettings({}, { RUNSPINE_CONFIG: '/none', RUNSPINE_ADDRESS: 'ftp://x' })).toThrow(
      'RUNSPINE_ADDRESS gives',
    );
    expect(() => readConfig(folder)).toThrow('cannot be read');
  });
});
