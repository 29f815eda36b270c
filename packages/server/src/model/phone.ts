import { type CountryCode, isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/max';
import { AppError } from './errors.ts';

/** How a written number was understood. Both values are looked for, and both are stored as tokens. */
export type UnderstoodPhone = {
  /** All digits, as written, in order. Never empty. */
  digits: string;
  /** E.164 with its plus sign, where the number parses in the region and is possible there. */
  e164: string | undefined;
};

/**
 * Reads a number however it is written: `(512) 555-1234` in the US is `+15125551234`, while `1001` stays what it is,
 * a short number that no country has. Returns undefined for text without a digit.
 */
export function understandPhone(text: string, region: string): UnderstoodPhone | undefined {
  const digits = asciiDigits(text).replace(/[^0-9]/g, '');
  if (digits === '') return undefined;
  const parsed = parsePhoneNumberFromString(text, isSupportedCountry(region) ? region : undefined);
  return { digits, e164: parsed?.isPossible() ? parsed.number : undefined };
}

/** True for text in which there is a number to be found: it has a digit, of whichever script. */
export function hasDigit(text: string): boolean {
  return /[0-9]/.test(asciiDigits(text));
}

/** The values under which a number is stored and asked for. They cannot collide: only E.164 has a plus sign. */
export function phoneValues(text: string, region: string): string[] {
  const phone = understandPhone(text, region);
  if (phone === undefined) return [];
  return phone.e164 === undefined ? [phone.digits] : [phone.digits, phone.e164];
}

/** A region as the library names it (`US`), or `input_invalid`. */
export function parseRegion(text: string): CountryCode {
  const region = text.toUpperCase();
  if (!isSupportedCountry(region)) {
    throw new AppError('input_invalid', { message: 'The region is not a two-letter country code' });
  }
  return region;
}

/** E-mail addresses are compared trimmed and in lower case. Undefined where nothing is left. */
export function emailValue(text: string): string | undefined {
  const value = text.trim().toLowerCase();
  return value === '' ? undefined : value;
}

/** Decimal digits of the scripts that phones are written in, each block ten code points from its zero. */
const digitZeros = [0x0660, 0x06f0, 0x0966, 0xff10];

function asciiDigits(text: string): string {
  return text.replace(/\p{Nd}/gu, (digit) => {
    const code = digit.codePointAt(0) ?? 0;
    const zero = digitZeros.find((start) => code >= start && code < start + 10);
    return zero === undefined ? digit : String(code - zero);
  });
}
