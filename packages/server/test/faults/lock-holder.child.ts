/**
 * Another program on the same database: `write|read FILE`. Holds SQLite's write lock, or a read transaction, from the
 * moment it says `holding` until it is told to let go.
 */
import { once } from 'node:events';
import Database from 'better-sqlite3';

const [kind = '', file = ''] = process.argv.slice(2);
const database = new Database(file, { fileMustExist: true });
database.exec(kind === 'write' ? 'BEGIN IMMEDIATE' : 'BEGIN');
database.prepare('SELECT count(*) FROM tenant').get();
process.send?.('holding');
await once(process, 'message');
database.exec('ROLLBACK');
database.close();
process.disconnect();
