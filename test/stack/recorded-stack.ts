import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type RunspineClient } from '@runspine/client';
import { CommandLine } from './command-line.js';
import { recordPipelines, type RecordedRuns } from './recorded-pipeline.js';
import { startStack, type Stack } from './stack.js';

/** The services with pipelines that ran, and a command line before them. */
export interface RecordedStack {
  readonly stack: Stack;
  readonly client: RunspineClient;
  readonly cli: CommandLine;
  readonly recorded: RecordedRuns;
  /** Empty, for the files of commands; removed at the end. */
  readonly folder: string;
  close(): Promise<void>;
}

export async function startRecordedStack(): Promise<RecordedStack> {
  const stack = await startStack({ gateways: 1 });
  const { address } = stack.gateways[0]!;
  const client = createClient({ address });
  const folder = mkdtempSync(join(tmpdir(), 'runspine-cli-'));
  const close = async () => {
    rmSync(folder, { recursive: true, force: true });
    await stack.close();
  };
  try {
    return { stack, client, cli: new CommandLine(address), recorded: await recordPipelines(client), folder, close };
  } catch (error) {
    await close();
    throw error;
  }
}
