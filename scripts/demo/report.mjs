// What the demo prints. Plain text, so that it reads the same in a terminal, a log and a pipe.

const width = 118;
const nameWidth = 44;

/** The proofs, one row each: a mark, the promise, what was seen. */
export function proofTable(rows) {
  return rows.map(({ name, holds, evidence, trouble = [] }) => {
    const left = wrap(name, nameWidth);
    const right = wrap(evidence, width - nameWidth - 6);
    const lines = Array.from({ length: Math.max(left.length, right.length) }, (_, i) => {
      const mark = i === 0 ? (holds ? '\u2713' : '\u2717') : ' ';
      return `  ${mark} ${(left[i] ?? '').padEnd(nameWidth)}  ${right[i] ?? ''}`.trimEnd();
    });
    return [...lines, ...(holds ? [] : trouble.slice(0, 10).map((line) => `      ${line}`))].join('\n');
  });
}

/** Who can still play what: the whole demo in one table, and its one warning. */
export function summaryTable({ purged, kept }, { playedNow, now, withOldVault }) {
  const of = (count, calls) => `${count} of ${calls.length}`;
  const rows = [
    ['Calls that can be played', 'purged', 'kept'],
    ['before the purge', of(purged.length, purged), of(kept.length, kept)],
    ['now, by the API', of(playedNow.purged, purged), of(playedNow.kept, kept)],
    ['from an old backup, with every key of now', of(now.purgedOpen, purged), of(now.keptWhole, kept)],
    [
      'the same with a vault copy of that time (!)',
      of(withOldVault.purgedWhole, purged),
      of(withOldVault.keptWhole, kept),
    ],
  ];
  const lines = rows.map(([what, ...counts]) =>
    `  ${what.padEnd(nameWidth)}${counts.map((text) => text.padEnd(10)).join('')}`.trimEnd(),
  );
  return [
    ...lines,
    '',
    '  (!) This is the limit: whoever copied the vault in time can open what it could open then. Guard copies of the vault,',
    '      and keep them apart from copies of the home. docs/threat-model.md has every limit.',
  ];
}

/** What to type next, for a server that stays up. */
export function nextSteps({ base, pids, credentials, kept, login }, folder) {
  const [call] = kept;
  const { clientId, clientSecret } = credentials;
  const form = `-d grant_type=client_credentials -d client_id=${clientId} -d client_secret=${clientSecret}`;
  const asked = JSON.stringify({ phoneNumber: call.number });
  return `The server stays up.

  address        ${base}
  client id      ${clientId}
  client secret  ${clientSecret}
  user           ${login.email}
  password       ${login.password}

A token for 30 minutes, a preview of a purge, a recording:

  TOKEN=$(curl -s ${base}/Token ${form} | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
  curl -s "${base}/purge/v1/calls/customer?whatIf=true" -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '${asked}'
  curl -s ${base}/v1/calls/${call.callId}/recording -H "Authorization: Bearer $TOKEN" -o call.wav

The same for the campaign's user, and the rows of all calls:

  TOKEN=$(curl -s ${base}/iam/api/v1/auth/login -H 'Content-Type: application/json' -d '${JSON.stringify(login)}' | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')
  curl -s ${base}/analyse/api/v1/search/cis/calls -H "Authorization: Bearer $TOKEN"

To stop it:                 kill ${pids.join(' ')}
To remove what it stored:   rm -r ${folder}
`;
}

/** Lines of at most so many characters, broken between words. */
function wrap(text, columns) {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== '' && last.length + 1 + word.length > columns) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines;
}
