import { posix } from 'node:path';
import type { Link, Outline } from './markdown.ts';

/** A link that leads nowhere: where it stands, why, and what may have been meant. */
export interface BrokenLink {
  file: string;
  line: number;
  link: string;
  reason: string;
  suggestion: string | null;
}

/** What links are held against: the documents by path, and every file and folder there is. Paths from the root, with `/`. */
export interface LinkTargets {
  outlines: ReadonlyMap<string, Outline>;
  paths: ReadonlySet<string>;
}

/** Like enough to be worth a suggestion: at most this share of the letters differs. */
const LIKENESS_MIN = 0.5;

/** Checks one link of a document. Links to other sites are checked for their form only. */
export function faultOf(file: string, link: Link, targets: LinkTargets): BrokenLink | undefined {
  const broken = (reason: string, suggestion?: string): BrokenLink => ({
    file,
    line: link.line,
    link: link.target,
    reason,
    suggestion: suggestion ?? null,
  });
  const { target } = link;
  if (target === '') return broken('the link is empty');
  if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return isAddress(target) ? undefined : broken('not a valid address');
  if (target.startsWith('//')) return URL.canParse(`https:${target}`) ? undefined : broken('not a valid address');

  const [place = '', ...anchors] = target.split('#');
  const anchor = anchors.length > 0 ? decoded(anchors.join('#')) : undefined;
  const path = pathOf(file, place);
  if (path === undefined) return broken('leads out of the repository');
  if (!targets.paths.has(path)) {
    const like = nearest(path, targets.paths);
    return broken(`there is no ${path}`, like && relativeTo(file, like));
  }
  const outline = targets.outlines.get(path);
  if (!anchor || !outline || outline.anchors.includes(anchor)) return undefined;
  const like = nearest(anchor, outline.anchors);
  return broken(`${path} has no heading #${anchor}`, like && `${place}#${like}`);
}

function isAddress(target: string): boolean {
  if (!URL.canParse(target)) return false;
  const { protocol, hostname, pathname } = new URL(target);
  if (protocol === 'mailto:') return pathname.includes('@');
  return (protocol === 'http:' || protocol === 'https:') && hostname !== '';
}

/** The path from the root, or undefined when it leaves it. A leading slash is the root; nothing is the document. */
function pathOf(file: string, place: string): string | undefined {
  const wanted = decoded(place.split('?')[0] ?? '');
  if (wanted === '') return file;
  const joined = wanted.startsWith('/') ? wanted.slice(1) : posix.join(posix.dirname(file), wanted);
  const path = posix.normalize(joined).replace(/\/$/, '');
  return path.startsWith('..') ? undefined : path;
}

function relativeTo(file: string, path: string): string {
  return posix.relative(posix.dirname(file), path);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The likest of what there is; of paths, one of the same name goes before all others. */
function nearest(wanted: string, there: Iterable<string>): string | undefined {
  const name = posix.basename(wanted);
  let best: string | undefined;
  let bestLikeness = LIKENESS_MIN;
  for (const candidate of there) {
    const sameName = wanted.includes('/') && posix.basename(candidate) === name ? 1 : 0;
    const likeness = sameName + 1 - distance(wanted, candidate) / Math.max(wanted.length, candidate.length);
    if (likeness > bestLikeness) [best, bestLikeness] = [candidate, likeness];
  }
  return best;
}

/** Levenshtein's distance, a row at a time. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const swap = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, swap));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
