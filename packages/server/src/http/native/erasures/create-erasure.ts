import { Type } from 'typebox';
import { createPlan } from '../../../engine/plans/create-plan.ts';
import { readErasure } from '../../../engine/plans/read-erasure.ts';
import { AppError } from '../../../model/errors.ts';
import { parseJson } from '../../json-text.ts';
import { mediaTypeOf } from '../../media-type.ts';
import { bodyOf, readWhole } from '../../request-body.ts';
import { Action, ErasureShape, erasureBody } from '../erasure-view.ts';
import { operation } from '../operation.ts';
import { orCut } from '../recording-in.ts';
import { shapeOf } from '../shape.ts';
import { strict } from '../shapes.ts';
import { namedIn, Subject } from '../subject-shape.ts';
import { readSubjectFile } from './subject-file.ts';

const Body = Type.Object(
  { action: Action, subject: Subject, keepRecording: Type.Optional(Type.Boolean({ default: false })) },
  strict,
);
const readBody = shapeOf(Body);

const bodyBytesMax = 16 * 1024 * 1024;
const bodyValuesMax = 50_000;

export const createErasureOperation = operation({
  id: 'createErasure',
  method: 'POST',
  path: '/erasures',
  tag: 'Erasures',
  summary: 'Make the plan of an erasure',
  description:
    'Nothing is erased by it. The answer tells how each identifier was understood and how many items it names; one that cannot be read fails no other. Up to 10,000 identifiers come as JSON, up to 100,000 as a file, `text/csv` with the columns `kind,value` or `application/x-ndjson` of `{"kind", "value"}`, whose action stands in the query. `keepRecording` goes with `depersonalize` alone.',
  scopes: ['erasures:preview', 'erasures:execute'],
  query: Type.Object({ action: Type.Optional(Action), keepRecording: Type.Optional(Type.Boolean()) }, strict),
  reads: { 'application/json': Body, 'text/csv': 'bytes', 'application/x-ndjson': 'bytes' },
  answers: { 201: { description: 'The plan', content: ErasureShape } },
  errors: ['plan_cancelled'],
  takesKey: true,
  handle: async ({ engine, caller, query, request, once }) => {
    const { 'content-type': contentType = 'application/json' } = request.headers;
    const type = mediaTypeOf(contentType);
    const { said, plan } = type === 'application/json' ? fromJson(await jsonIn(), query) : await fromFile();
    const { status, subjectId } = await once(
      'erasure-subject',
      async (keeper) => ({ status: 201, subjectId: await createPlan(engine, caller, plan, keeper) }),
      said,
    );
    return { status, body: erasureBody(await readErasure(engine, caller, subjectId)) };

    async function jsonIn() {
      return parseJson(await readWhole(request, bodyBytesMax, 'The body'), 'The body', bodyValuesMax);
    }
    async function fromFile() {
      const { action, keepRecording = false } = query;
      if (action === undefined) throw new AppError('input_invalid', { message: 'action is missing from the query' });
      const named = await readSubjectFile(type, orCut(bodyOf(request)));
      const plan = { action, keepRecording, named };
      return { said: plan, plan };
    }
  },
});

/** The query is for files: what stands in it beside a JSON body would be said twice. */
function fromJson(value: unknown, query: object) {
  if (Object.keys(query).length > 0) {
    throw new AppError('input_invalid', { message: 'The query says something that belongs into the body' });
  }
  const body = readBody(value, 'The body');
  const plan = { action: body.action, keepRecording: body.keepRecording ?? false, named: namedIn(body.subject) };
  return { said: plan, plan };
}
