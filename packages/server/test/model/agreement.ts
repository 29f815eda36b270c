/** Plain JSON, as answers and looks are told. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/**
 * What the model says that an answer must be: JSON in which `$ref` is an id that the model knows by a number of its own,
 * `$set` is a list in any order, and `$any` is one of several.
 */
export type Predicted =
  | string
  | number
  | boolean
  | null
  | readonly Predicted[]
  | { readonly $ref: number }
  | { readonly $set: readonly Predicted[] }
  | { readonly $any: readonly Predicted[] }
  | { readonly [name: string]: Predicted };

/** Which id the archive gave to what the model counts. */
export type Ids = Readonly<Record<string, string>>;

/** Either the ids, with those that this answer has taught, or where the answer first differs. */
export type Agreement = { agrees: true; ids: Ids } | { agrees: false; where: string };

/** Compares an answer with what was predicted. A reference whose id is not known yet takes the one that it meets. */
export function agreement(predicted: Predicted, actual: Json, ids: Ids, path = ''): Agreement {
  if (Array.isArray(predicted)) return listAgreement(predicted, actual, ids, path);
  if (typeof predicted !== 'object' || predicted === null) {
    return predicted === actual ? { agrees: true, ids } : differs(predicted, actual, path);
  }
  if (isForm(predicted, '$ref')) return refAgreement(Number(predicted['$ref']), actual, ids, path);
  if (isForm(predicted, '$set')) return setAgreement(predicted['$set'], actual, ids, path);
  if (isForm(predicted, '$any')) {
    const found = predicted['$any'].map((one) => agreement(one, actual, ids, path)).find((one) => one.agrees);
    return found ?? differs(predicted, actual, path);
  }
  return objectAgreement(predicted as Record<string, Predicted>, actual, ids, path);
}

function isForm<Name extends '$ref' | '$set' | '$any'>(
  predicted: object,
  name: Name,
): predicted is Record<Name, readonly Predicted[]> {
  return name in predicted;
}

function listAgreement(predicted: readonly Predicted[], actual: Json, ids: Ids, path: string): Agreement {
  if (!Array.isArray(actual) || actual.length !== predicted.length) return differs(predicted, actual, path);
  let known = ids;
  for (const [i, one] of predicted.entries()) {
    const met = agreement(one, (actual as readonly Json[])[i] ?? null, known, `${path}[${i}]`);
    if (!met.agrees) return met;
    known = met.ids;
  }
  return { agrees: true, ids: known };
}

function objectAgreement(predicted: Record<string, Predicted>, actual: Json, ids: Ids, path: string): Agreement {
  if (typeof actual !== 'object' || actual === null || Array.isArray(actual)) return differs(predicted, actual, path);
  const fields = actual as Record<string, Json>;
  const names = new Set([...Object.keys(predicted), ...Object.keys(fields)]);
  let known = ids;
  for (const name of names) {
    const [wanted, got] = [predicted[name], fields[name]];
    if (wanted === undefined || got === undefined)
      return differs(wanted ?? 'no such field', got ?? 'nothing', `${path}.${name}`);
    const met = agreement(wanted, got, known, `${path}.${name}`);
    if (!met.agrees) return met;
    known = met.ids;
  }
  return { agrees: true, ids: known };
}

function refAgreement(no: number, actual: Json, ids: Ids, path: string): Agreement {
  const known = ids[no];
  if (known !== undefined) {
    return known === actual ? { agrees: true, ids } : differs(`number ${no}, which is ${known}`, actual, path);
  }
  if (typeof actual !== 'string') return differs(`the id of number ${no}`, actual, path);
  const other = Object.entries(ids).find(([, id]) => id === actual);
  if (other) return differs(`the id of number ${no}`, `that of number ${other[0]}, ${actual}`, path);
  return { agrees: true, ids: { ...ids, [no]: actual } };
}

/** Each predicted one takes an actual one that it agrees with; tried back and forth. */
function setAgreement(predicted: readonly Predicted[], actual: Json, ids: Ids, path: string): Agreement {
  if (!Array.isArray(actual) || actual.length !== predicted.length) return differs({ $set: predicted }, actual, path);
  const [first, ...rest] = predicted;
  if (first === undefined) return { agrees: true, ids };
  const given = actual as readonly Json[];
  let nearest: Agreement | undefined;
  for (const [i, one] of given.entries()) {
    const met = agreement(first, one, ids, `${path}{${i}}`);
    if (!met.agrees) continue;
    const others = setAgreement(rest, given.toSpliced(i, 1), met.ids, path);
    if (others.agrees) return others;
    nearest = others;
  }
  return nearest ?? differs({ 'one of the set is': first }, actual, path);
}

function differs(predicted: Predicted | string, actual: Json, path: string): Agreement {
  const where = `${path || 'the answer'}: predicted ${JSON.stringify(predicted)}, got ${JSON.stringify(actual)}`;
  return { agrees: false, where };
}
