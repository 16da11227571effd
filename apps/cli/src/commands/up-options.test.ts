import { describe, expect, it } from 'vitest';

import { parseUpOptions, upHelp } from './up-options.ts';

const parse = (...args: string[]) => parseUpOptions(args, '/state/sallyport');
const reasonOf = (...args: string[]) => {
  const parsed = parse(...args);
  return parsed.ok ? undefined : parsed.reason;
};

describe('options of up', () => {
  it('has defaults', () => {
    expect(parse()).toEqual({
      ok: true,
      value: {
        data: '/state/sallyport',
        port: 8080,
        once: false,
        install: false,
        json: false,
        help: false,
        kafka: undefined,
      },
    });
  });

  it('reads each of them', () => {
    expect(parse('--data', '/d', '--port', '9000', '--once', '--install', '--json')).toMatchObject({
      ok: true,
      value: { data: '/d', port: 9000, once: true, install: true, json: true },
    });
    expect(parse('-h')).toMatchObject({ ok: true, value: { help: true } });
  });

  it.each(['0', '65535', '-1', '1e3', 'x', '', '8080.5'])('refuses the port %j', (port) => {
    expect(reasonOf(`--port=${port}`)).toMatch(/--port must be a number from 1 to 65534/);
  });

  it('refuses what it does not know in one line that leads to the help', () => {
    for (const args of [['--nonsense'], ['more'], ['--data'], ['--once=yes'], ['--data', '']]) {
      const reason = reasonOf(...args);
      expect(reason).toBeDefined();
      expect(reason).not.toContain('\n');
    }
    expect(reasonOf('--nonsense')).toMatch(/--help$/);
  });

  it('names every option in its help', () => {
    for (const option of ['data', 'port', 'once', 'json', 'help', 'kafka', 'kafka-ca', 'kafka-sasl', 'kafka-username'])
      expect(upHelp).toContain(`--${option} `);
  });
});

describe('options of Kafka', () => {
  const brokers = ['--kafka', 'a:9092,b:9092'];

  it('takes brokers alone', () => {
    expect(parse(...brokers)).toMatchObject({ value: { kafka: { brokers: 'a:9092,b:9092', tls: false } } });
  });

  it('takes TLS and SASL', () => {
    const tls = ['--kafka-ca', '/ca', '--kafka-cert', '/cert', '--kafka-key', '/key'];
    const sasl = ['--kafka-sasl', 'scram-sha-512', '--kafka-username', 'u', '--kafka-password-file', '/p'];
    expect(parse(...brokers, ...tls, ...sasl)).toMatchObject({
      value: {
        kafka: {
          tls: true,
          caFile: '/ca',
          certFile: '/cert',
          keyFile: '/key',
          sasl: 'scram-sha-512',
          username: 'u',
          passwordFile: '/p',
        },
      },
    });
    expect(parse(...brokers, '--kafka-tls')).toMatchObject({ value: { kafka: { tls: true } } });
  });

  it.each([
    [['--kafka', 'no-port'], /host:port/],
    [['--kafka', ''], /host:port/],
    [['--kafka-ca', '/ca'], /needs --kafka/],
    [[...brokers, '--kafka-cert', '/c'], /go together/],
    [[...brokers, '--kafka-sasl', 'gssapi'], /must be one of/],
    [[...brokers, '--kafka-sasl', 'plain', '--kafka-username', 'u'], /go together/],
    [[...brokers, '--kafka-password-file', '/p'], /go together/],
  ])('refuses %j', (args, reason) => {
    expect(reasonOf(...args)).toMatch(reason);
  });
});
