import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readConfig } from './config.ts';
import { parseDuration, parseSize } from './config-values.ts';

describe('the configuration', () => {
  it('has a default for everything', () => {
    const config = readConfig({});
    expect(config.home).toBe(resolve('tacet-home'));
    expect(config.keysDirs).toEqual([resolve('tacet-home-keys')]);
    expect(config.listen).toEqual({ host: '127.0.0.1', port: 8484, certificate: null });
    expect(config.lenientListen).toBeNull();
    expect(config.shareLifeMs).toBe(8 * 3_600_000);
    expect(config.recordLinkLifeMs).toBe(24 * 3_600_000);
    expect(config.horizonMs).toBe(7 * 24 * 3_600_000);
    expect(config.uploadBytesMax).toBe(2 * 2 ** 30);
    expect(config.workers).toBe(1);
  });

  it('reports every problem at once, each by the name of its variable', () => {
    const env = { TACET_LISTEN: 'nowhere', TACET_BACKUP_HORIZON: 'soon', TACET_TYPO: '1', TACET_WORKERS: '-1' };
    let message = '';
    try {
      readConfig(env);
    } catch (error) {
      message = error instanceof Error ? error.message : '';
    }
    for (const name of Object.keys(env)) expect(message).toContain(name);
  });

  it('refuses a keys folder inside the home, since a backup of the home would carry its own keys', () => {
    expect(() => readConfig({ TACET_HOME: '/srv/tacet', TACET_KEYS_DIR: '/srv/tacet/keys' })).toThrow('TACET_KEYS_DIR');
    expect(() => readConfig({ TACET_HOME: '/srv/tacet', TACET_KEYS_DIR: '/srv/tacet' })).toThrow('TACET_KEYS_DIR');
    expect(() => readConfig({ TACET_HOME: '/srv/tacet', TACET_KEYS_DIR: '/a,/srv/tacet/../tacet/k' })).toThrow();
    expect(readConfig({ TACET_HOME: '/srv/tacet', TACET_KEYS_DIR: '/a, /srv/tacet-b' }).keysDirs).toEqual([
      '/a',
      '/srv/tacet-b',
    ]);
    expect(() => readConfig({ TACET_HOME: '/srv/tacet', TACET_KEYS_DIR: '/srv/tacet/..keys' })).toThrow('inside');
  });

  it('refuses one keys folder given twice: it would be one copy that counts as two', () => {
    expect(() => readConfig({ TACET_KEYS_DIR: '/a,/b,/b/../a' })).toThrow('twice');
  });

  it('takes an age recipient as the recovery key, and none by default', () => {
    const recipient = 'age1t35y2j4v5x8reyqydgwcn24tjhg8zu6zg66k9uc9tag655xepdgs5qqspz';
    expect(readConfig({}).recoveryKey).toBeNull();
    expect(readConfig({ TACET_RECOVERY_KEY: ' ' }).recoveryKey).toBeNull();
    expect(readConfig({ TACET_RECOVERY_KEY: ` ${recipient}\n` }).recoveryKey).toBe(recipient);
  });

  it('refuses anything else as the recovery key, beside whatever else is wrong, and never repeats a secret', () => {
    const secret = 'AGE-SECRET-KEY-13978ST98D4NUAYEAGYXXLJT90PFD75SYFGLRXEMMDLH40FYA69TQ2DGXYC';
    const read = (key: string) => () => readConfig({ TACET_RECOVERY_KEY: key, TACET_WORKERS: 'x' });
    expect(read('my passphrase')).toThrow(/TACET_RECOVERY_KEY: is not an age recipient.*TACET_WORKERS/);
    expect(read(secret)).toThrow(/TACET_RECOVERY_KEY: holds a secret identity.*TACET_WORKERS/);
    expect(read(secret)).not.toThrow(secret.slice(20));
  });

  it('ignores what Kubernetes injects for a service of our name, and nothing else', () => {
    const injected = { TACET_SERVICE_HOST: '10.0.0.1', TACET_PORT: 'tcp://10.0.0.1:80', TACET_PORT_80_TCP: 'x' };
    expect(() => readConfig(injected)).not.toThrow();
    expect(() => readConfig({ TACET_PORTAL: 'x' })).toThrow('TACET_PORTAL');
  });

  it('allows a horizon of zero', () => {
    expect(readConfig({ TACET_BACKUP_HORIZON: '0' }).horizonMs).toBe(0);
  });

  it.each(['10.0.0.1', '10.0.0.0/8, ::1', 'fd00::/8', ''])('takes "%s" as trusted proxies', (text) => {
    expect(readConfig({ TACET_TRUST_PROXY: text }).trustProxy).toEqual(text.split(',').flatMap((p) => p.trim() || []));
  });

  it.each(['proxy.example', '10.0.0.0/33', '10.0.0.0/0', '::/129', '10.0.0.1/a', '10.0.0.1/8/8', 'true'])(
    'refuses "%s" as a trusted proxy, before anything is opened',
    (text) => expect(() => readConfig({ TACET_TRUST_PROXY: text })).toThrow('TACET_TRUST_PROXY'),
  );

  it('takes IPv6 listeners in brackets', () => {
    expect(readConfig({ TACET_LISTEN: '[::1]:0' }).listen).toMatchObject({ host: '::1', port: 0 });
    expect(readConfig({ TACET_LENIENT_LISTEN: '[::1]:0' }).lenientListen).toMatchObject({ host: '::1', port: 0 });
  });

  it('takes a bare port as one of the loopback address for the lenient listener, and for no other', () => {
    expect(readConfig({ TACET_LENIENT_LISTEN: '443' }).lenientListen).toMatchObject({ host: '127.0.0.1', port: 443 });
    expect(readConfig({ TACET_LENIENT_LISTEN: '0.0.0.0:443' }).lenientListen).toMatchObject({ host: '0.0.0.0' });
    expect(readConfig({ TACET_LENIENT_LISTEN: '' }).lenientListen).toBeNull();
    expect(() => readConfig({ TACET_LISTEN: '8484' })).toThrow('TACET_LISTEN');
  });

  it.each(['localhost', '443x', '65536', 'a:', ':443', '-1', '127.0.0.1:70000'])(
    'refuses "%s" for the lenient listener',
    (text) => expect(() => readConfig({ TACET_LENIENT_LISTEN: text })).toThrow('TACET_LENIENT_LISTEN'),
  );

  it.each([
    ['TACET_SHARE_LIFE', 'shareLifeMs'],
    ['TACET_RECORD_LINK_LIFE', 'recordLinkLifeMs'],
  ] as const)('keeps the links of %s for at least a minute', (name, field) => {
    expect(readConfig({ [name]: '1m' })[field]).toBe(60_000);
    for (const text of ['59s', '0', '36501d', 'soon']) expect(() => readConfig({ [name]: text })).toThrow(name);
  });
});

describe('TLS', () => {
  const pair = { TACET_TLS_CERT: '/etc/tacet/cert.pem', TACET_TLS_KEY: '/etc/tacet/key.pem' };
  const certificate = { certFile: '/etc/tacet/cert.pem', keyFile: '/etc/tacet/key.pem' };
  const listening = (env: Record<string, string>) => {
    const { listen, lenientListen } = readConfig({ TACET_LENIENT_LISTEN: '0', ...env });
    return [listen.certificate, lenientListen?.certificate];
  };

  it('is spoken by both listeners where there is a certificate, and by none where there is not', () => {
    expect(listening({})).toEqual([null, null]);
    expect(listening(pair)).toEqual([certificate, certificate]);
    expect(listening({ ...pair, TACET_TLS: '', TACET_LENIENT_TLS: '' })).toEqual([certificate, certificate]);
  });

  it('is turned off for each listener by itself', () => {
    expect(listening({ ...pair, TACET_TLS: 'off' })).toEqual([null, certificate]);
    expect(listening({ ...pair, TACET_LENIENT_TLS: 'off' })).toEqual([certificate, null]);
    expect(listening({ ...pair, TACET_TLS: 'off', TACET_LENIENT_TLS: 'off' })).toEqual([null, null]);
    expect(listening({ TACET_TLS: 'off', TACET_LENIENT_TLS: 'off' })).toEqual([null, null]);
  });

  it('is refused where there is no certificate, and with half a pair by the name of what is missing', () => {
    expect(() => readConfig({ TACET_TLS: 'on' })).toThrow(/^TACET_TLS: needs TACET_TLS_CERT and TACET_TLS_KEY$/);
    expect(() => readConfig({ TACET_LENIENT_TLS: 'on' })).toThrow(/^TACET_LENIENT_TLS: needs/);
    expect(() => readConfig({ TACET_TLS_CERT: 'a', TACET_TLS: 'on' })).toThrow(/^TACET_TLS_KEY: is missing[^;]*$/);
    expect(() => readConfig({ TACET_TLS_KEY: 'a', TACET_WORKERS: 'x' })).toThrow(/^TACET_TLS_CERT: .*; TACET_WORKERS/);
    expect(() => readConfig({ ...pair, TACET_TLS: 'yes', TACET_LENIENT_TLS: 'ON' })).toThrow(
      /^TACET_TLS: is not on or off; TACET_LENIENT_TLS: is not on or off$/,
    );
  });
});

describe('durations and sizes', () => {
  it('have units', () => {
    expect(parseDuration('60s')).toBe(60_000);
    expect(parseDuration('12h')).toBe(43_200_000);
    expect(parseSize('200MiB')).toBe(209_715_200);
    expect(parseSize('17')).toBe(17);
  });

  it.each(['', '5', '1.5h', '-1s', '1w'])('"%s" is no duration', (text) => {
    expect(() => parseDuration(text)).toThrow('duration');
  });
});
