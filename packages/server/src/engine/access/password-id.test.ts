import { expect, test } from 'vitest';
import { passwordIdOf } from './password-id.ts';

const salted = (salt: string) => ({ passwordHash: `$argon2id$v=19$m=8,t=1,p=1$${salt}$aGFzaA` });

test('a password has an id of 22 characters, always the same one, that shows nothing of its hash', () => {
  const id = passwordIdOf(salted('c2FsdA'));
  expect(id).toMatch(/^[\w-]{22}$/);
  expect(passwordIdOf(salted('c2FsdA'))).toBe(id);
  expect(salted('c2FsdA').passwordHash).not.toContain(id);
});

test('the same password under another salt has another id', () => {
  expect(passwordIdOf(salted('c2FsdB'))).not.toBe(passwordIdOf(salted('c2FsdA')));
});
