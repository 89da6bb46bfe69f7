import {
  createSecretKey,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  type KeyObject,
  sign as signBytes,
  verify as verifyBytes,
} from 'node:crypto';
import { hmacSha256 } from '../hmac.js';

/** Where a run's journal was when it ended. */
export interface RunHead {
  tenant_id: string;
  run_id: string;
  run_sequence: number;
  /** Hex hash of that row. */
  hash: string;
  /** When it was recorded, RFC 3339. */
  recorded_at: string;
}

/** Where all journals of a tenant were at a moment. */
export interface TenantHead {
  tenant_id: string;
  /** Rows recorded before it count, RFC 3339. */
  until: string;
  runs: number;
  streams: number;
  /** Hex SHA-256 over the heads of its runs and streams, in order. */
  hash: string;
}

/** What one record of the audit topic says. */
export interface PublishedHeads {
  runs?: RunHead[];
  tenant?: TenantHead;
}

/** DER of an Ed25519 private key (PKCS #8, RFC 8410) before its 32 bytes. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/**
 * Signs heads. Stored ones carry an HMAC, since only a projector reads them; published ones an Ed25519 signature, which
 * anybody checks with the public key. Both keys are derived from the journal's (HKDF-SHA-256), so that there is one
 * secret to keep.
 */
export class HeadSigner {
  /** What published heads are checked with: PEM. */
  readonly publicKey: string;
  private readonly privateKey: KeyObject;
  private readonly verifying: KeyObject;
  private readonly macKey: KeyObject;

  /** @param journalKey as RUNSPINE_JOURNAL_KEY has it */
  constructor(journalKey: KeyObject | Buffer) {
    this.privateKey = createPrivateKey({
      key: Buffer.concat([PKCS8_PREFIX, derive(journalKey, 'runspine audit heads, published')]),
      format: 'der',
      type: 'pkcs8',
    });
    this.verifying = createPublicKey(this.privateKey);
    this.publicKey = this.verifying.export({ type: 'spki', format: 'pem' }).toString();
    this.macKey = createSecretKey(derive(journalKey, 'runspine audit heads, stored'));
  }

  /** Ed25519 over the bytes of a record's value, in base64url. */
  sign(value: string): string {
    return signBytes(null, Buffer.from(value), this.privateKey).toString('base64url');
  }

  verify(value: Buffer, signature: string): boolean {
    return verifyBytes(null, value, this.verifying, Buffer.from(signature, 'base64url'));
  }

  /** Hex HMAC-SHA-256 of a stored head. */
  macOfRun(head: RunHead): string {
    return this.mac(['run', head.tenant_id, head.run_id, head.run_sequence, head.hash, head.recorded_at]);
  }

  macOfTenant(head: TenantHead): string {
    return this.mac(['tenant', head.tenant_id, head.until, head.runs, head.streams, head.hash]);
  }

  private mac(parts: readonly (string | number)[]): string {
    return hmacSha256(this.macKey, JSON.stringify(parts));
  }
}

function derive(journalKey: KeyObject | Buffer, use: string): Buffer {
  return Buffer.from(hkdfSync('sha256', journalKey, '', use, 32));
}
