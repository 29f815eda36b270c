import { AppError } from '../../model/errors.ts';

/** Said of a recording whose sender does not say what it is. */
const unlabelled = 'application/octet-stream';
/** What curl says of any body unless it is told otherwise: of audio it is no type. */
const formOfCurl = 'application/x-www-form-urlencoded';

/** The type to keep of a recording: as its sender wrote it, where that says anything. */
export function recordingType(contentType: string | undefined): string {
  if (contentType === undefined || contentType.trim() === '') return unlabelled;
  return contentType.toLowerCase().startsWith(formOfCurl) ? unlabelled : contentType;
}

/** The bytes of a request. Throws `upload_cut` when the client goes away before their end. */
export async function* orCut(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of source) yield chunk;
  } catch (error) {
    throw error instanceof AppError ? error : new AppError('upload_cut', { cause: error });
  }
}

/**
 * The bytes of a recording as they come. Throws `input_invalid` in the end where none have: a client that forgot the file
 * must hear of it, and not have silence archived in its place. `what` names the whole.
 */
export async function* audible(source: AsyncIterable<Uint8Array>, what: string): AsyncGenerator<Uint8Array> {
  let isEmpty = true;
  for await (const chunk of source) {
    isEmpty &&= chunk.length === 0;
    yield chunk;
  }
  if (isEmpty) throw new AppError('input_invalid', { message: `${what} is empty` });
}
