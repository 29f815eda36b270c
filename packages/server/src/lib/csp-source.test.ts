import { expect, test } from 'vitest';
import { cspSourceOf } from './csp-source.ts';

test('an inline text is named by the base64 of the SHA-256 of its UTF-8', () => {
  // The example of the specification, section 7.7.
  expect(cspSourceOf("alert('Hello, world.');")).toBe("'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='");
});
