import { execFile } from 'node:child_process';

/** The version of the code: the commit, `-dirty` behind it where the tree has changes; `unknown` without git. */
export interface CodeRef {
  readonly ref: string;
  /** A commit, and nothing changed or added beside it. */
  readonly clean: boolean;
}

export const UNKNOWN_CODE: CodeRef = { ref: 'unknown', clean: false };

const GIT_MS_MAX = 5000;
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;
const known = new Map<string, { asked: Promise<CodeRef>; found: CodeRef | undefined }>();

/** The version of the code in a folder; asked once a process and folder, since what runs was loaded then. Never throws. */
export function codeRefOf(cwd: string): Promise<CodeRef> {
  const before = known.get(cwd);
  if (before) return before.asked;
  const entry = { asked: askGit(cwd), found: undefined as CodeRef | undefined };
  void entry.asked.then((found) => (entry.found = found));
  known.set(cwd, entry);
  return entry.asked;
}

/** The version of the code, where it is known by now. */
export function knownCodeRef(cwd: string): CodeRef | undefined {
  return known.get(cwd)?.found;
}

/** A version that the caller named; `-dirty` at its end says so. */
export function namedCodeRef(ref: string): CodeRef {
  return { ref, clean: ref !== 'unknown' && !ref.endsWith('-dirty') };
}

async function askGit(cwd: string): Promise<CodeRef> {
  try {
    const [commit, changes] = await Promise.all([
      git(cwd, ['rev-parse', '--verify', 'HEAD']),
      git(cwd, ['--no-optional-locks', 'status', '--porcelain']),
    ]);
    const ref = commit.trim();
    if (!/^[0-9a-f]{40,64}$/.test(ref)) return UNKNOWN_CODE;
    return changes.trim() === '' ? { ref, clean: true } : { ref: `${ref}-dirty`, clean: false };
  } catch {
    return UNKNOWN_CODE;
  }
}

function git(cwd: string, args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { cwd, timeout: GIT_MS_MAX, maxBuffer: OUTPUT_BYTES_MAX, windowsHide: true };
    execFile('git', args, options, (error, stdout) => (error ? reject(error) : resolve(stdout)));
  });
}
