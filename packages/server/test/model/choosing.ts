import type { Act } from './acts.ts';
import type { Json } from './agreement.ts';
import type { Deed } from './operations.ts';
import { sessions, unknownId, unknownSession } from './universe.ts';

/** A handle, and the process that it belongs to. */
type Held = { handle: number; by: number };

/** What clients know: ids that answers have told them, and what they hold open. Turns deeds into acts. */
export class Choosing {
  readonly #calls: { id: string; tenant: number | undefined }[] = [];
  /** Whose uploads these were, by handle. */
  readonly #tenants = new Map<number, number>();
  readonly #holds: string[] = [];
  #uploads: Held[] = [];
  #downloads: Held[] = [];
  #next = 1;

  /** The act that a deed comes to, and by whom it must be done; undefined where there is nothing to do it with. */
  actOf(deed: Deed, by: number): { act: Act; by: number } | undefined {
    const act = this.#actOf(deed);
    if (act !== undefined) return { act, by };
    if (deed.do !== 'finish' && deed.do !== 'abort' && deed.do !== 'drain') return undefined;
    const held = deed.do === 'drain' ? this.#downloads : this.#uploads;
    const [one] = held.splice(placeOf(deed.which, held), 1);
    return one && { act: { do: deed.do, handle: one.handle }, by: one.by };
  }

  /** Remembers what an answer tells. */
  learn(act: Act, by: number, answer: Json): void {
    if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) return;
    const fields = answer as Record<string, Json>;
    const tenant = 'tenant' in act ? act.tenant : 'handle' in act ? this.#tenants.get(act.handle) : undefined;
    if (typeof fields['callId'] === 'string') this.#know(fields['callId'], tenant);
    if (typeof fields['hold'] === 'string') this.#holds.push(fields['hold']);
    if (act.do === 'begin') this.#tenants.set(act.handle, act.tenant);
    if (act.do === 'begin' && fields['begun']) this.#uploads.push({ handle: act.handle, by });
    if (act.do === 'open' && fields['isOpen']) this.#downloads.push({ handle: act.handle, by });
    for (const item of Array.isArray(fields['items']) ? (fields['items'] as Json[]) : []) {
      const callId = typeof item === 'object' && item !== null && 'callId' in item ? item['callId'] : null;
      if (typeof callId === 'string' && callId !== unknownId) this.#know(callId, tenant);
    }
  }

  /** Forgets what was held open at a process that is gone. Tells which handles are left. */
  forgetProcess(by: number): Set<number> {
    this.#uploads = this.#uploads.filter((one) => one.by !== by);
    this.#downloads = this.#downloads.filter((one) => one.by !== by);
    return new Set([...this.#uploads, ...this.#downloads].map((one) => one.handle));
  }

  /** An id that was asked for by another tenant is known already. */
  #know(id: string, tenant: number | undefined): void {
    if (!this.#calls.some((call) => call.id === id)) this.#calls.push({ id, tenant });
  }

  #actOf(deed: Deed): Act | undefined {
    switch (deed.do) {
      case 'upload':
      case 'begin': {
        const content = { session: sessions[deed.session] ?? '', variant: deed.variant };
        return { do: deed.do, handle: this.#number(), tenant: deed.tenant, content, isDataFirst: deed.isDataFirst };
      }
      case 'purge-calls':
      case 'purge-sessions':
      case 'purge-phone':
        return this.#purgeOf(deed);
      case 'erase':
        return { ...deed, no: this.#number(), ids: deed.names.map((name) => this.#callId(name, deed.tenant)) };
      case 'hold': {
        const { tenant, phone, range, names } = deed;
        return {
          do: 'hold',
          no: this.#number(),
          tenant,
          phone,
          range,
          ids: names.map((name) => this.#callId(name, deed.tenant)),
        };
      }
      case 'release': {
        const id = this.#holds[placeOf(deed.which, this.#holds)];
        return id === undefined ? undefined : { do: 'release', tenant: deed.tenant, id };
      }
      case 'status':
        return { do: 'status', tenant: deed.tenant, sessions: deed.names.map(sessionOf) };
      case 'play':
        return { ...deed, id: this.#callId(deed.call, deed.tenant) };
      case 'open':
        return { do: 'open', handle: this.#number(), tenant: deed.tenant, id: this.#callId(deed.call, deed.tenant) };
      case 'find':
      case 'upkeep':
      case 'work':
        return deed;
      case 'finish':
      case 'abort':
      case 'drain':
        return undefined;
    }
  }

  #purgeOf(deed: Extract<Deed, { do: 'purge-calls' | 'purge-sessions' | 'purge-phone' }>): Act {
    const { tenant, isWhatIf } = deed;
    const what = { do: 'purge', no: this.#number(), tenant, isWhatIf } as const;
    if (deed.do === 'purge-phone') return { ...what, subject: { by: 'phone', phone: deed.phone, form: deed.form } };
    if (deed.do === 'purge-sessions') return { ...what, subject: { by: 'sessions', ids: deed.names.map(sessionOf) } };
    return { ...what, subject: { by: 'calls', ids: deed.names.map((name) => this.#callId(name, deed.tenant)) } };
  }

  #number(): number {
    this.#next += 1;
    return this.#next - 1;
  }

  /** Two of three names mean calls of the tenant itself. One further than the oldest is an id that no call has. */
  #callId(name: number, tenant: number): string {
    const isOwn = name % 3 !== 2;
    const calls = this.#calls.filter((call) => !isOwn || call.tenant === tenant);
    return calls[calls.length - 1 - (name % (calls.length + 1))]?.id ?? unknownId;
  }
}

/** The place that a number means in a list, counted from its end. */
function placeOf(which: number, list: readonly unknown[]): number {
  return list.length - 1 - (which % Math.max(list.length, 1));
}

function sessionOf(name: number): string {
  return sessions[name] ?? unknownSession;
}
