import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Session, connect, type Connection, type Table } from '@lancedb/lancedb';
import { spacePath, type SpaceKey } from '@runspine/contracts';
import { LRUCache } from 'lru-cache';
import { VersionGone } from './pinned-space.js';

/** Whose spaces lie together: one folder of a store. */
export type SpaceFolder = Pick<SpaceKey, 'tenantId' | 'env' | 'projectId' | 'surfaceId'>;

/** Where a tenant's spaces are kept. */
export interface StoreLocation {
  /** A folder (a path or file://), or s3://bucket/prefix and the like. */
  readonly uri: string;
  /** LanceDB's storage options: of S3 `endpoint`, `region`, `allow_http`, keys. */
  readonly storageOptions?: Readonly<Record<string, string>>;
}

/** The `nexus_store` route of a folder. @throws ServiceError nexus_store.missing_route */
export type StoreRoute = (folder: SpaceFolder) => Promise<StoreLocation>;

export interface SpaceTablesOptions {
  /** Bound of each of LanceDB's two caches (indexes, metadata), all spaces together. */
  readonly cacheBytes: number;
  /** Handles kept open, read or written. Those in use may exceed it. */
  readonly handlesMax: number;
}

/** Handle on a version that several readers share; nobody moves it. */
interface Pin {
  readonly table: Table;
  readers: number;
  evicted: boolean;
}

/**
 * Opens spaces: one bounded session for the whole process, connections and handles kept by use. Every open goes
 * through `spacePath`.
 */
export class SpaceTables {
  readonly #session: Session;
  readonly #connections: LRUCache<string, Promise<Connection>>;
  readonly #latest: LRUCache<string, Table>;
  readonly #pins: LRUCache<string, Pin>;

  constructor(
    private readonly route: StoreRoute,
    { cacheBytes, handlesMax }: SpaceTablesOptions,
  ) {
    this.#session = new Session(BigInt(cacheBytes), BigInt(cacheBytes));
    this.#connections = new LRUCache({ max: handlesMax });
    this.#latest = new LRUCache({ max: handlesMax });
    this.#pins = new LRUCache({
      max: handlesMax,
      dispose: (pin) => {
        pin.evicted = true;
        if (pin.readers === 0) pin.table.close();
      },
    });
  }

  /** Names what is stored: the space's path and its route's root, so that a route that moves leads to other handles. */
  async keyOf(space: SpaceKey): Promise<string> {
    const { uri } = await this.route(space);
    return `${uri} ${spacePath(space)}`;
  }

  /** A connection to the folder's spaces. */
  async connection(folder: SpaceFolder): Promise<Connection> {
    const { uri, storageOptions } = await this.#location(folder);
    const key = JSON.stringify([uri, storageOptions]);
    const known = this.#connections.get(key);
    if (known) return known;
    const connecting = connect(uri, {
      session: this.#session,
      readConsistencyInterval: 0,
      ...(storageOptions && { storageOptions: { ...storageOptions } }),
    });
    this.#connections.set(key, connecting);
    connecting.catch(() => this.#connections.delete(key));
    return connecting;
  }

  /** Whether the folder may hold spaces; LanceDB would make a local folder by looking into it. */
  async exists(folder: SpaceFolder, spaceId?: string): Promise<boolean> {
    const { uri } = await this.#location(folder);
    if (uri.includes('://')) return true;
    return stat(spaceId === undefined ? uri : join(uri, `${spaceId}.lance`)).then(
      () => true,
      () => false,
    );
  }

  /** A handle that follows the newest version; undefined: there is no such space. Not for pinned reads. */
  async latest(space: SpaceKey): Promise<Table | undefined> {
    const key = await this.keyOf(space);
    const known = this.#latest.get(key);
    if (known) return known;
    const table = await this.open(space);
    if (table) this.#latest.set(key, table);
    return table;
  }

  /** A new handle, which the caller closes. */
  async open(space: SpaceKey): Promise<Table | undefined> {
    if (!(await this.exists(space, space.spaceId))) return undefined;
    const connection = await this.connection(space);
    try {
      return await connection.openTable(space.spaceId);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** A handle checked out at a version. @throws VersionGone */
  async pin(space: SpaceKey, version: number): Promise<{ readonly table: Table; release(): void }> {
    const key = `${await this.keyOf(space)}@${version}`;
    const pin = this.#pins.get(key) ?? (await this.#checkOut(space, version, key));
    pin.readers++;
    let released = false;
    return {
      table: pin.table,
      release: () => {
        if (released) return;
        released = true;
        pin.readers--;
        if (pin.evicted && pin.readers === 0) pin.table.close();
      },
    };
  }

  /** The oldest version that somebody of this process reads from now. */
  oldestRead(space: SpaceKey): number | undefined {
    const versions = this.#pinned(space).flatMap(([version, , pin]) => (pin.readers > 0 ? [version] : []));
    return versions.length === 0 ? undefined : Math.min(...versions);
  }

  /** Forgets idle handles on versions before this one: their files may be gone. */
  forgetBefore(space: SpaceKey, version: number): void {
    for (const [pinned, key] of this.#pinned(space)) if (pinned < version) this.#pins.delete(key);
  }

  /** Closes what is open. Handles that somebody still reads from are closed as they are released. */
  close(): void {
    this.#pins.clear();
    for (const table of this.#latest.values()) table.close();
    this.#latest.clear();
    this.#connections.clear();
  }

  #pinned(space: SpaceKey): [version: number, key: string, pin: Pin][] {
    const ofSpace = ` ${spacePath(space)}@`;
    return [...this.#pins].flatMap(([key, pin]) => {
      const at = key.lastIndexOf('@') + 1;
      return key.slice(0, at).endsWith(ofSpace) ? [[Number(key.slice(at)), key, pin] as [number, string, Pin]] : [];
    });
  }

  async #checkOut(space: SpaceKey, version: number, key: string): Promise<Pin> {
    const table = await this.open(space);
    if (!table) throw new VersionGone(spacePath(space), version);
    try {
      await table.checkout(version);
    } catch (error) {
      table.close();
      if (isNotFound(error)) throw new VersionGone(spacePath(space), version);
      throw error;
    }
    const pin: Pin = { table, readers: 0, evicted: false };
    const other = this.#pins.get(key);
    if (other) {
      table.close();
      return other;
    }
    this.#pins.set(key, pin);
    return pin;
  }

  async #location(folder: SpaceFolder): Promise<StoreLocation> {
    const { uri: root, storageOptions } = await this.route(folder);
    const uri = root.startsWith('file://') ? fileURLToPath(root) : root;
    const path = spacePath({ ...folder, scope: 'tenant', spaceId: 'x' })
      .split('/')
      .slice(0, -1)
      .join('/');
    return { uri: `${uri.replace(/\/+$/, '')}/${path}`, ...(storageOptions && { storageOptions }) };
  }
}

function isNotFound(error: unknown): boolean {
  return /was not found|not found:|does not exist/i.test(messageOf(error));
}

/** Two writers met; nothing was written, and the same may succeed now. */
export function isConflict(error: unknown): boolean {
  return /conflict|contention|already exists|concurrent/i.test(messageOf(error));
}

/** All that LanceDB's errors have. */
function messageOf(error: unknown): string {
  return String((error as { message?: unknown } | undefined)?.message);
}
