import { describe, expect, test } from 'vitest';
import { newId } from '../../lib/ids.ts';
import { codeOf } from '../../model/errors.ts';
import type { Query } from './list-params.ts';
import { fieldNames } from './search-fields.ts';
import { searchQueryOf } from './search-query.ts';

const [id, other] = [newId(1_700_000_000_000), newId(1_700_000_000_001)];

/** What the engine is asked for these conditions. */
function conditionsOf(query: Query) {
  const { asked, filter } = searchQueryOf(query);
  expect(filter).toBeNull();
  return { ...asked.conditions, identifiers: asked.identifiers };
}

describe('a search without parameters', () => {
  test('asks for every field of all calls, the newest first', () => {
    const { fields, asked, filter, hasItems } = searchQueryOf({});
    expect(fields).toEqual(fieldNames);
    expect({ ...asked, opens: asked.opens.toSorted(), filter, hasItems }).toEqual({
      conditions: {},
      identifiers: [],
      order: { by: 'startedAt', isDescending: true },
      part: { offset: 0, limit: 50_000 },
      opens: ['correlation', 'details', 'recording', 'transcript'],
      isCounted: true,
      filter: null,
      hasItems: true,
    });
  });
});

describe('fields', () => {
  test.each([
    ['id,status,startedAt,duration', []],
    ['id,taskName', ['correlation']],
    ['phone,results', ['details']],
    ['callFrom', ['correlation', 'details']],
    ['messagesAsString', ['details', 'transcript']],
    ['recordPath', ['recording']],
    ['nobodyKnowsThis', []],
  ])('%s open no more than they need', (fields, opens) => {
    expect(searchQueryOf({ fields }).asked.opens.toSorted()).toEqual(opens);
  });

  test('of a filter are opened apart from those of the rows', () => {
    const { asked, filter } = searchQueryOf({ fields: 'taskName', nps: '9', regionId: '1' });
    expect(asked.opens).toEqual(['correlation']);
    expect(filter?.opens.toSorted()).toEqual(['correlation', 'details']);
  });
});

describe('a condition', () => {
  test.each<[Query, object]>([
    [{ id: `${id},${other}` }, { ids: [id, other] }],
    [{ id: [id, other] }, { ids: [id, other] }],
    [{ id: `{${id}}` }, { ids: [] }],
    [{ id: id.toUpperCase() }, { ids: [id] }],
    [{ 'id[]': [id, other] }, { ids: [id, other] }],
    [{ 'id[0]': id, 'id[1]': other }, { ids: [id, other] }],
    [{ 'status[0]': 'DIAL', status: 'BUSY' }, { dialStatuses: ['DIAL', 'BUSY'] }],
    [{ autoCallId: id.toUpperCase() }, { taskIds: [id] }],
    [{ taskId: `${id},${other}`, autoCallId: other }, { taskIds: [other] }],
    [{ taskId: id, autoCallId: '' }, { taskIds: [] }],
    [{ autoCallCandidateId: id.toUpperCase() }, { candidateIds: [id] }],
    [{ botId: 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11' }, { botIds: ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'] }],
    [
      { taskId: id, autoCallCandidateId: other },
      { taskIds: [id], candidateIds: [other] },
    ],
    [{ botId: 'any-bot' }, { botIds: ['any-bot'] }],
    [{ botId: 'a\0b' }, { botIds: [] }],
    [{ status: 'EXPIRED,DIAL,expired' }, { dialStatuses: ['DIAL', 'EXPIRED'] }],
    [{ type: 'INCOMING', isIncoming: '1' }, { directions: ['inbound'] }],
    [{ isIncoming: 'false' }, { directions: ['outbound', 'internal', 'unknown'] }],
    [
      { from: '1970-01-01T00:00:01.500Z', to: '1970-01-02' },
      { from: 1500, to: 86_400_000 },
    ],
  ])('%j is answered by rows', (query, conditions) => {
    expect(conditionsOf(query)).toEqual({ ...conditions, identifiers: [] });
  });

  test('that names a person or the client is answered by tokens', () => {
    const identifiers = [
      { kind: 'phone', value: '+7 999' },
      { kind: 'phone', value: '1' },
      { kind: 'external', value: 'a,b' },
    ];
    expect(conditionsOf({ phone: ' +7 999', number: '1', clientExternalId: 'a,b' })).toEqual({ identifiers });
  });

  test.each(['toString', 'taskid', '79991234567', 'id[a]', 'autoCallTemplateId'])(
    '%s is none that there is',
    (name) => {
      let thrown: unknown;
      try {
        searchQueryOf({ [name]: '1' });
      } catch (error) {
        thrown = error;
      }
      expect(codeOf(thrown)).toBe('input_invalid');
      expect(String(thrown)).not.toContain(name);
      expect(String(thrown)).toMatch(
        /^\w+: Parameter 1 of the query is not known; known are id, .*autoCallId, .*withoutItems/,
      );
    },
  );
});

describe('an order', () => {
  test.each([
    ['-createdAt', 'createdAt', true],
    ['createdAt,-startedAt', 'createdAt', false],
    ['-price, -createdAt,startedAt', 'createdAt', true],
    ['-updatedAt', 'startedAt', true],
    ['--createdAt', 'startedAt', true],
  ])('of %s is by the first name that rows can be sorted by', (sort, by, isDescending) => {
    expect(searchQueryOf({ sort }).asked.order).toEqual({ by, isDescending });
  });
});
