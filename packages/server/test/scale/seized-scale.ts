/** What an attacker finds in a PostgreSQL database and in a bucket, for the attack that needs no product (`test/seized`). */
import type { S3 } from '@aws-sdk/client-s3';
import pg from 'pg';
import type { Loot, Sealing } from '../seized/loot.ts';
import { topLevel } from '../seized/openers.ts';
import type { TestBucket } from '../support/s3-server.ts';

/** One version of an object. */
export type ObjectVersion = { key: string; versionId: string; bytes: Buffer };

type ArtifactRow = {
  tenant_id: string | null;
  owner_id: string;
  kind: string;
  blob: string | null;
  sealed: Buffer | null;
};

type EventRow = { id: string; tenant_id: string; call_id: string; sealed: Buffer };

const pagesPerLevel = 2 ** 40;

/** Every version of every object, whichever is shown as the latest. */
export async function everyVersion({ s3, place }: TestBucket): Promise<ObjectVersion[]> {
  const versions: ObjectVersion[] = [];
  for (let marker = {}, isMore = true; isMore; ) {
    const page = await s3.listObjectVersions({ Bucket: place.bucket, ...marker });
    for (const { Key = '', VersionId = '' } of page.Versions ?? []) {
      versions.push({ key: Key, versionId: VersionId, bytes: await bytesOf(s3, place.bucket, Key, VersionId) });
    }
    marker = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
    isMore = page.IsTruncated === true;
  }
  return versions;
}

async function bytesOf(s3: S3, Bucket: string, Key: string, VersionId: string): Promise<Buffer> {
  const { Body } = await s3.getObject({ Bucket, Key, VersionId });
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

/** Key pages and everything sealed, of a database and of object versions. */
export async function lootOfScale(url: string, versions: readonly ObjectVersion[]): Promise<Loot> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const pages = await client.query<{ place: string; sealed: Buffer }>(
      `SELECT CAST(${topLevel * pagesPerLevel} AS TEXT) AS place, page AS sealed FROM archive
        UNION ALL SELECT CAST(place AS TEXT), sealed FROM key_page`,
    );
    const rows = await client.query<ArtifactRow>('SELECT tenant_id, owner_id, kind, blob, sealed FROM artifact');
    const events = await client.query<EventRow>('SELECT id, tenant_id, call_id, sealed FROM metadata_event');
    return {
      ...{ files: [], secretSlots: [], tokens: [], details: [] },
      pages: pages.rows.map(({ place, sealed }) => {
        const at = Number(place);
        return { level: Math.floor(at / pagesPerLevel), index: at % pagesPerLevel, sealed };
      }),
      sealings: [...rows.rows.flatMap((row) => sealingsOf(row, versions)), ...events.rows.map(sealedEvent)],
    };
  } finally {
    await client.end();
  }
}

/** What a row seals: in itself, and for a recording in object versions besides. */
function sealingsOf(row: ArtifactRow, versions: readonly ObjectVersion[]): Sealing[] {
  const { blob, kind, sealed } = row;
  const owner = { tenantId: row.tenant_id ?? 'archive', ownerId: row.owner_id };
  const inRow = sealed === null ? [] : [sealed];
  const inBucket = blob === null ? [] : versions.filter(({ key }) => key.endsWith(blob)).map(({ bytes }) => bytes);
  return [
    ...inRow.map((bytes) => ({
      context: { ...owner, kind: kind === 'recording' ? 'recording-facts' : kind },
      sealed: bytes,
    })),
    ...inBucket.map((bytes) => ({ context: { ...owner, kind }, sealed: bytes })),
  ];
}

/** What came after a call is sealed under the key of its details. */
function sealedEvent({ id, tenant_id: tenantId, call_id: ownerId, sealed }: EventRow): Sealing {
  return { context: { tenantId, ownerId, kind: `metadata-event ${id}` }, sealed };
}
