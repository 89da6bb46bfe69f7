import { fileURLToPath, pathToFileURL } from 'node:url';

/** Kinds of store, by the scheme of their addresses. */
export type StoreScheme = 'file' | 's3' | 'gs' | 'az';

/** The address of a store in its one form. */
export interface StoreUri {
  readonly scheme: StoreScheme;
  readonly uri: string;
  /** What the address is below: the root of the machine's folders, or a bucket; and the names of folders in it. */
  readonly bucket: string;
  readonly folders: readonly string[];
}

const CHARS_MAX = 1024;
const BUCKET: Record<Exclude<StoreScheme, 'file'>, RegExp> = {
  s3: /^(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
  gs: /^(?!.*\.\.)[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/,
  az: /^(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/,
};
const FOLDER = /^[A-Za-z0-9_=-][A-Za-z0-9._=-]{0,127}$/;

/** An address taken apart, or what is wrong with it. Nothing is mended but a slash at the end: one place has one name. */
export function parseStoreUri(text: string): StoreUri | { fault: string } {
  if (text.length > CHARS_MAX) return { fault: `must have at most ${CHARS_MAX} characters` };
  const uri = text.replace(/\/$/, '');
  if (uri.startsWith('file:')) return parseFileUri(uri);
  const [, scheme, bucket = '', path] = /^(s3|gs|az):\/\/([^/]*)(?:\/(.*))?$/s.exec(uri) ?? [];
  if (scheme === undefined) {
    return { fault: 'must be file:///folder, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix' };
  }
  if (!BUCKET[scheme as 's3'].test(bucket)) return { fault: `has no readable name of a bucket after ${scheme}://` };
  const folders = path === undefined ? [] : path.split('/');
  if (!folders.every((folder) => FOLDER.test(folder))) {
    return { fault: 'may have folders of letters, digits, ".", "_", "=", "-", none empty or beginning with a dot' };
  }
  return { scheme: scheme as StoreScheme, uri, bucket, folders };
}

function parseFileUri(uri: string): StoreUri | { fault: string } {
  const fault = { fault: 'must be file:/// and an absolute folder, without "." or ".." or anything after it' };
  if (!uri.startsWith('file:///') || /[?#\\]/.test(uri) || !URL.canParse(uri)) return fault;
  let path: string;
  try {
    path = fileURLToPath(uri);
  } catch {
    return fault;
  }
  const folders = path.split('/').slice(1);
  if ([...path].some((char) => char < ' ' || char === '\u007f')) return fault;
  if (folders.length === 0 || folders.some((folder) => folder === '' || folder === '.' || folder === '..'))
    return fault;
  // What the URL's own rules changed on the way, such as "..", was not written in its one form.
  if (pathToFileURL(path).href !== uri) return { fault: `${fault.fault}; written as ${pathToFileURL(path).href}` };
  return { scheme: 'file', uri, bucket: '', folders };
}

/**
 * The names of folders between a root and an address below it; none where they are the same; undefined where the address
 * is elsewhere.
 */
export function foldersBelow(root: StoreUri, address: StoreUri): readonly string[] | undefined {
  if (root.scheme !== address.scheme || root.bucket !== address.bucket) return undefined;
  if (!root.folders.every((folder, index) => folder === address.folders[index])) return undefined;
  return address.folders.slice(root.folders.length);
}
