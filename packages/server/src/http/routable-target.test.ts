import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decoded, firstStep, routableTarget } from './routable-target.ts';

const always = () => true;

describe('a routable target', () => {
  test('decodes, and to the very text where that did not decode before', () => {
    const character = fc.constantFrom(...'%%%af0/?#=&', '%20', '%e0', '%D0%B0');
    fc.assert(
      fc.property(fc.string({ unit: character }), (target) => {
        const [path = ''] = target.split(/[?#]/, 1);
        const routable = routableTarget(target, always);
        if (decoded(path) !== undefined) expect(routable).toBe(target);
        else {
          const first = /^\/+[^/]*/.exec(path)?.[0] ?? '';
          const said = decoded(first) ?? first;
          expect(decoded(routable.split(/[?#]/, 1)[0] ?? '')).toBe(said + path.slice(first.length));
          expect(firstStep(routable)).toBe(firstStep(target));
        }
        expect(routable.endsWith(target.slice(path.length))).toBe(true);
      }),
    );
  });

  test('stays as it is where it is not ours', () => {
    expect(routableTarget('/a/100%?b=%', () => false)).toBe('/a/100%?b=%');
    expect(routableTarget('/a/100%?b=%', (path) => path === '/a/100%')).toBe('/a/100%25?b=%');
  });
});

describe('the first step of a target', () => {
  test.each([
    ['/cis/api/v1', 'cis'],
    ['//CIS//api', 'cis'],
    ['http://archive.example/cis/api', 'cis'],
    ['HTTPS://[::1]:8443//v1?x=/share', 'v1'],
    ['http://archive.example', ''],
    ['http://archive.example?/cis', ''],
    ['/?/cis', ''],
    ['/v1#a', 'v1'],
    ['/%761/calls', 'v1'],
    ['//%56%31', 'v1'],
    ['/.well-%E2%84%AAnown', '.well-known'],
    ['/%2576%2531', '%76%31'],
    ['/v1%2Fcalls', 'v1/calls'],
    ['/%2Fv1', '/v1'],
    ['/v1;x/calls', 'v1;x'],
    ['/v1./calls', 'v1.'],
    ['/v1%/calls', 'v1%'],
    ['/%76%31/100%', 'v1'],
    ['*', ''],
    ['', ''],
  ])('of %j is %j', (target, step) => expect(firstStep(target)).toBe(step));
});
