// The people of the campaign: customers of the sample recordings, and what the campaign itself knows of them.

/** The line that the platform calls from: the client's own, so that an erasure keeps it. */
const ownLine = '18005550199';

/** What becomes of whom. */
export const plans = {
  keepAudio: 'the call is erased, and its audio later',
  eraseCall: 'the call is erased with its audio',
  eraseCandidate: 'the candidate is erased with all calls',
  stay: 'nothing is erased',
  stayAudioLate: 'nothing is erased; the audio comes later than its call',
};

/**
 * `pin` goes out as a variable and `answer` comes back as a result: invented words that stand nowhere
 * else, like the marked word that is spoken in the recordings.
 */
const known = [
  {
    customer: 'parcel',
    plan: plans.keepAudio,
    phones: ['12065550117', '12065550118'],
    email: 'desmond.achterberg@example.com',
    pin: 'velvetmagpie',
    answer: 'saffronheron',
    recordings: ['05-parcel-late'],
  },
  {
    customer: 'internet',
    plan: plans.eraseCall,
    phones: ['14155550126'],
    email: 'w.oyelaran@example.net',
    pin: 'graniteweasel',
    answer: 'marigoldmoth',
    recordings: ['13-internet-down'],
  },
  {
    customer: 'clinic',
    plan: plans.eraseCandidate,
    phones: ['442079460321', '442079460322', '447700900321'],
    email: 'rosalind@thistlewood.example',
    pin: 'cobaltstarling',
    answer: 'thimblecrane',
    recordings: ['07-appointment-book', '08-appointment-move'],
  },
  {
    customer: 'invoice',
    plan: plans.stay,
    phones: ['16175550189', '16175550190'],
    email: 'priyanka.v@example.org',
    pin: 'amberferret',
    answer: 'paprikalynx',
    recordings: ['12-invoice-corrected'],
  },
  {
    customer: 'claim',
    plan: plans.stayAudioLate,
    phones: ['13035550164'],
    email: 'tobias.lindqvist@example.com',
    pin: 'quartzplover',
    answer: 'cinnamonvole',
    recordings: ['10-claim-photos'],
  },
];

/** Each with their samples, and with every word that an erasure must leave nowhere. */
export function peopleOf(samples) {
  return known.map((person) => {
    const calls = person.recordings.map((name) => samples.find(({ file }) => file === `audio/${name}.wav`));
    const [word, firstName, lastName, customerNumber] = calls[0].marks;
    const words = [
      word,
      firstName,
      lastName,
      customerNumber,
      ...person.phones,
      person.email,
      person.pin,
      person.answer,
    ];
    return { ...person, calls, name: `${firstName} ${lastName}`, customerNumber, words };
  });
}

/** A person as the client puts them on the task. The last two are the client's own and outlive an erasure. */
export function candidateOf(person, taskId) {
  return {
    autoCallId: taskId,
    phone: person.phones,
    variables: { name: person.name, customer: person.customerNumber, pin: person.pin },
    clientExternalId: `lead-${person.customer}`,
    callbackData: { wave: 'autumn', lead: person.customer },
  };
}

/** A call as the platform that dialled reports it. */
export function reportOf(person, sample, candidateId) {
  return {
    direction: 'outbound',
    status: 'ANSWERED',
    startedAt: sample.info.startTime,
    endedAt: sample.info.endTime,
    candidateId,
    ownNumber: ownLine,
    botName: 'Survey bot',
    price: 1.5,
    participants: [
      { role: 'bot', name: 'Survey bot' },
      { role: 'customer', phone: person.phones[0], email: person.email, name: person.name },
    ],
    transcript: sample.turns.map(({ speaker, ...turn }) => ({ ...turn, role: speaker === 'agent' ? 'bot' : speaker })),
    logLink: `https://logs.example.com/${person.pin}`,
  };
}

/** What a call came to. The platform may say so with the call, or later. */
export function resultsOf(person) {
  return { results: { answer: person.answer, confirmation: 'yes' }, dialogResult: person.answer, nps: 9 };
}
