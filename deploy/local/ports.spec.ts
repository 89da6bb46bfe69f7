import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PortMemory } from './ports.ts';

describe('the ports of a data folder', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'runspine-ports-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('are the same at the next start', async () => {
    const kafka = await new PortMemory(folder).choose('kafka');
    expect(await new PortMemory(folder).choose('kafka')).toBe(kafka);
  });

  it('are chosen again when somebody else has taken one', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    writeFileSync(join(folder, 'ports.json'), JSON.stringify({ kafka: port }));
    try {
      expect(await new PortMemory(folder).choose('kafka')).not.toBe(port);
      expect(await new PortMemory(folder).choose('projector', port)).not.toBe(port);
    } finally {
      server.close();
    }
  });

  it('differ from one another, though none is in use yet', async () => {
    const ports = new PortMemory(folder);
    const [kafka, postgres] = [await ports.choose('kafka'), await ports.choose('postgres')];
    expect(await ports.choose('projector', kafka)).not.toBe(kafka);
    expect(postgres).not.toBe(kafka);
  });

  it('are chosen afresh when the file is damaged', async () => {
    writeFileSync(join(folder, 'ports.json'), '{"kafka": "x", ');
    expect(await new PortMemory(folder).choose('kafka')).toBeGreaterThan(0);
  });
});
