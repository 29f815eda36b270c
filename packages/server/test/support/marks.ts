/** Marked values for the privacy test, and the search for them. */

/** Words that stand for somebody's data, one per place where a client can put such. Nothing else here contains them. */
export const marks = {
  session: 'markedsessionqx7',
  keptSession: 'markedkeptqx7',
  master: 'markedmasterqx7',
  case: 'markedcaseqx7',
  collection: 'markedcollectionqx7',
  firstName: 'Markedfirstqx7',
  lastName: 'Markedlastqx7',
  reference: 'markedreferenceqx7',
  email: 'marked.mailqx7@example.org',
  metadata: 'markedmetadataqx7',
  metadataKey: 'markedkeyqx7',
  audio: 'markedaudiobytesqx7',
  fileName: 'markedfilenameqx7.wav',
  transcript: 'markedspokenqx7',
  message: 'markedmessageqx7',
  sender: 'markedsenderqx7',
  customEvent: 'markedcustomeventqx7',
  deepKey: 'markeddeepkeyqx7',
  deepValue: 'markeddeepvalueqx7',
  extra: 'markedextraqx7',
  format: 'markedformatqx7',
  eventKey: 'markedeventkeyqx7',
  appliedEvent: 'markedappliedqx7',
  waitingEvent: 'markedwaitingqx7',
  droppedEvent: 'markeddroppedqx7',
  guest: 'markedguestqx7@example.com',
  broker: 'markedbrokerqx7',
  version: 'markedversionqx7',
  holdReason: 'markedreasonqx7',
  wrongSecret: 'markedsecretqx7',
  wrongClient: 'markedclientqx7',
  badToken: 'markedtokenqx7',
  badInput: 'markedbadinputqx7',
  taskName: 'markedtaskqx7',
  taskSetting: 'markedsettingqx7',
  variable: 'markedvariableqx7',
  variableKey: 'markedvariablekeyqx7',
  callbackData: 'markedcallbackqx7',
  clientExternalId: 'markedexternalqx7',
  person: 'Markedpersonqx7',
  result: 'markedresultqx7',
  laterResult: 'markedlaterresultqx7',
  redirect: 'markedredirectqx7',
  logLink: 'markedloglinkqx7',
  botName: 'markedbotqx7',
  responder: 'markedresponderqx7',
  turn: 'markedturnqx7',
  laterTurn: 'markedlaterturnqx7',
  idempotencyKey: 'markedidempotencyqx7',
  userEmail: 'marked.userqx7@example.org',
  password: 'markedpasswordqx7',
  wrongPassword: 'markedwrongqx7',
  phone: '5125559147',
  otherPhone: '2125559148',
  dialled: '5125559149',
  candidatePhone: '5125559150',
  otherCandidatePhone: '5125559151',
  ownNumber: '5125559152',
} as const;

export type MarkName = keyof typeof marks;

// The keys of a constant are its names and no others.
const markNames = Object.keys(marks) as MarkName[];

/**
 * Names of the marks that stand somewhere in the bytes, in one form or another.
 * `sought` are the ones to look for: all of them, unless a test says which it has planted.
 */
export function marksIn(bytes: Buffer, sought: readonly MarkName[] = markNames): string[] {
  // Latin-1 maps each byte to one character, so text search works on any bytes.
  const text = bytes.toString('latin1').toLowerCase();
  const digits = text.replace(/[\s().+-]/g, '');
  return sought.flatMap((name) => {
    const mark = marks[name];
    const isThere = formsOf(mark).some((form) => text.includes(form.toString('latin1').toLowerCase()));
    return isThere || (/^\d+$/.test(mark) && digits.includes(mark)) ? [name] : [];
  });
}

/** A word in clear, as UTF-16, as hex, and in base64 at each of the three places where it can begin. */
export function formsOf(mark: string): Buffer[] {
  const utf16 = Buffer.from(mark, 'utf16le');
  const base64 = [0, 1, 2].map((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), Buffer.from(mark)]).toString('base64');
    // What a neighbour's bits would change, at the beginning and at the end, is left out.
    return encoded.slice(shift === 0 ? 0 : shift + 1, Math.floor(((mark.length + shift) * 8) / 6));
  });
  return [
    Buffer.from(mark),
    utf16,
    Buffer.from(Buffer.from(mark).toString('hex')),
    ...base64.map((one) => Buffer.from(one)),
  ];
}
