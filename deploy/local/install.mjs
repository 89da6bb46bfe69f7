import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { lock } from './lock.mjs';
import { Advice, say, step } from './terminal.mjs';

const LOCK_WAIT_MS = 15 * 60_000;
/** npm gives its reason first and a page of help after it; a compiler's last lines matter as well. */
const OUTPUT_LINES_SHOWN = { first: 25, last: 15 };

/** Installs the packages and builds the services, under a lock: two commands side by side wait for one another. */
export async function prepare(root, { build = true, onChild = () => undefined } = {}) {
  const held = await lock(join(root, '.runspine', 'install.lock'), {
    waitMs: LOCK_WAIT_MS,
    onWait: () => say('… waiting for another command that installs or builds here'),
  }).catch((error) => {
    if (error.code !== 'EACCES') throw error;
    throw new Advice(
      `${join(root, '.runspine')} may not be written: it belongs to another user. Run as that user, or remove it.`,
    );
  });
  const watched = (child) => {
    if (child.pid) held.share(child.pid);
    onChild(child);
  };
  try {
    await install(root, watched);
    if (build) await compile(root, watched);
  } finally {
    held.release();
  }
}

async function install(root, watched) {
  const modules = join(root, 'node_modules');
  const stamp = join(modules, '.runspine-install');
  const wanted = fingerprint(root);
  if (read(stamp) === wanted && existsSync(runtime(root))) return;
  if (matchesLockFile(root)) return writeFileSync(stamp, wanted);
  rmSync(stamp, { force: true });
  await step('Installing npm packages (once, about a minute)', () =>
    run(root, 'npm', ['ci', '--include=dev', '--ignore-scripts=false', '--no-audit', '--no-fund'], watched),
  );
  writeFileSync(stamp, wanted);
}

async function compile(root, watched) {
  const began = performance.now();
  const tsc = [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-b'];
  const first = !existsSync(join(root, 'apps', 'gateway', 'dist', 'main.js'));
  if (first) return step('Building the services', () => run(root, runtime(root), tsc, watched));
  await run(root, runtime(root), tsc, watched);
  const seconds = (performance.now() - began) / 1000;
  if (seconds > 3) say(`✓ Built what changed  ${seconds.toFixed(1)} s`);
}

/** The pinned Node, which runs everything but the bootstrap. */
export function runtime(root) {
  return join(root, 'node_modules', '.bin', 'node');
}

function fingerprint(root) {
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')));
  return `${hash.digest('hex')} ${process.platform}-${process.arch}\n`;
}

/** Whether what npm says is installed is what the lock file asks for, as after somebody's own `npm install`. */
function matchesLockFile(root) {
  const wanted = packagesOf(join(root, 'package-lock.json'));
  const installed = packagesOf(join(root, 'node_modules', '.package-lock.json'));
  if (!wanted || !installed || !existsSync(runtime(root))) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith('node_modules/') || entry.optional || entry.devOptional) return true;
    return entry.link ? existsSync(join(root, path)) : installed[path]?.version === entry.version;
  });
}

function packagesOf(path) {
  const text = read(path);
  return text === undefined ? undefined : JSON.parse(text).packages;
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Runs a command; what it printed is shown only if it fails. */
function run(root, command, args, watched) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env: hostEnvironment(root), stdio: ['ignore', 'pipe', 'pipe'] });
    watched(child);
    let output = '';
    const keep = (chunk) => (output = (output + chunk).slice(-64_000));
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', (error) => reject(new Advice(`${command} could not be run: ${error.message}`)));
    child.once('close', (code, signal) => {
      if (code === 0) return resolve();
      reject(new Advice(`${[command, ...args].join(' ')} ended with ${signal ?? code}:\n\n${excerptOf(output)}`));
    });
  });
}

function excerptOf(output) {
  const lines = output
    .trimEnd()
    .split('\n')
    .filter((line) => !line.startsWith('npm warn'));
  const { first, last } = OUTPUT_LINES_SHOWN;
  if (lines.length <= first + last) return lines.join('\n');
  return [...lines.slice(0, first), '  …', ...lines.slice(-last)].join('\n');
}

/** npm replaces node_modules: it must not run by the Node in there, which npm scripts put first on the path. */
function hostEnvironment(root) {
  const own = join(root, 'node_modules', '.bin');
  const path = (process.env.PATH ?? '').split(delimiter).filter((entry) => entry !== own);
  const env = {
    // The runtime of local embedding models would fetch parts for graphics cards: hundreds of MB that few can use.
    ONNXRUNTIME_NODE_INSTALL: 'skip',
    ...process.env,
    PATH: path.join(delimiter),
    SCARF_ANALYTICS: 'false',
    DO_NOT_TRACK: '1',
  };
  delete env.NODE_OPTIONS;
  return env;
}
