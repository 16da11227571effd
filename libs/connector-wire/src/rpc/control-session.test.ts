import { describe, expect, it } from 'vitest';

import { ConnectorControlSession } from './connector-control-session.ts';
import { type EdgeControlEvent, EdgeControlSession } from './edge-control-session.ts';
import {
  type RegistrationRequest,
  encodeConnectionDetails,
  encodeConnectionRefusal,
  encodeUnregisterCall,
} from './registration.ts';
import { encodeBootstrap, encodeBootstrapResults, encodeEmptyResults } from './rpc-replies.ts';

/** The vectors of spec §4.3; each was accepted by the real client. */
const vectors = {
  bootstrap: '0000000005000000 0000000001000100 0800000000000000 0000000001000100 0000000000000000 0000000000000000',
  bootstrapResults:
    '000000000b000000 0000000001000100 0300000000000000 0000000002000100 0000000001000000 0000000000000000 0000000000000200 0300000000000000 0100000017000000 0400000001000100 0100000000000000 0000000000000000',
  details:
    '0000000011000000 0000000001000100 0300000000000000 0000000002000100 0100000001000000 0000000000000000 0000000000000200 0400000000000100 0000000000000000 0000000001000100 0100000000000000 0000000001000200 0100000000000000 0500000082000000 0900000032000000 0011223344556677 8899aabbccddeeff 484f4d4531000000',
  refusal:
    '0000000010000000 0000000001000100 0300000000000000 0000000002000100 0100000001000000 0000000000000000 0000000000000200 0400000000000100 0000000000000000 0000000001000100 0000000000000000 0000000002000100 0000000000000000 0000000000000000 010000004a000000 45445550434f4e4e 0000000000000000',
  empty:
    '0000000008000000 0000000001000100 0300000000000000 0000000002000100 0100000001000000 0000000000000000 0000000000000200 fcffffff00000000 0000000000000000',
};

const capturedCall = Buffer.from(
  `000000004000000000000000010001000200000000000000000000000300030001000000000000009754e87fec9516f7
000000000000000008000000010001001800000000000200000000000000000000000000010000000000000001000100
0000000000000000010000000700000000000000010000000400000001000300bd000000070000000000000000000000
080000000000020021000000820000002400000001000200050000003a0000000500000002010000616363742d310000
070707070707070707070707070707070707070707070707070707070707070711111111222243338444555555555555
0000000000000000040000000000040075000000820000000d00000082000000110000002e000000590000004a000000
5d00000062000000df53fca266bb4cd29d920954cb1fb5bb110000009a00000019000000a2000000210000008a000000
29000000820000002d000000a200000073657269616c697a65645f68656164657273000000000000737570706f72745f
646174616772616d5f76320000000000737570706f72745f717569635f656f6600000000000000006d616e6167656d65
6e745f6c6f677300616c6c6f775f72656d6f74655f636f6e6669670000000000323032362e382e320000000000000000
6c696e75785f616d643634000000000000000000000000000000ffff7f0000010000000001000100`.replaceAll('\n', ''),
  'hex',
);

function bytes(vector: string): Buffer {
  return Buffer.from(vector.replaceAll(' ', ''), 'hex');
}

function eventsOf(session: EdgeControlSession, chunk: Uint8Array): readonly EdgeControlEvent[] {
  const received = session.receive(chunk);
  if (!received.ok) throw new Error(received.reason);
  return received.value;
}

const connectionUuid = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
const request: RegistrationRequest = {
  accountTag: 'acct-1',
  tunnelSecret: Buffer.alloc(32, 7),
  tunnelUuid: Buffer.from('11111111222243338444555555555555', 'hex'),
  connectionIndex: 3,
  clientUuid: Buffer.from('df53fca266bb4cd29d920954cb1fb5bb', 'hex'),
  features: ['serialized_headers', 'sallyport_raw_streams'],
  version: 'sallyport/0.1.0',
  architecture: 'linux_x64',
  originLocalIp: Buffer.from([127, 0, 0, 1]),
  previousAttempts: 2,
};

describe('byte vectors of the connector protocol', () => {
  it('writes bootstrap, its answer, details, refusal and the empty answer byte for byte', () => {
    expect(encodeBootstrap(0)).toEqual(bytes(vectors.bootstrap));
    expect(encodeBootstrapResults(0)).toEqual(bytes(vectors.bootstrapResults));
    const details = { connectionUuid, locationName: 'HOME1', remotelyManaged: true };
    expect(encodeConnectionDetails(1, details)).toEqual(bytes(vectors.details));
    const refusal = { cause: 'EDUPCONN', retryAfterNs: 0n, shouldRetry: false };
    expect(encodeConnectionRefusal(1, refusal)).toEqual(bytes(vectors.refusal));
    expect(encodeEmptyResults(1)).toEqual(bytes(vectors.empty));
  });

  it('answers the bootstrap vector with its vector', () => {
    const [event] = eventsOf(new EdgeControlSession(), bytes(vectors.bootstrap));
    expect(event).toEqual({ type: 'reply', bytes: bytes(vectors.bootstrapResults) });
  });

  it('reads the captured call of the real client', () => {
    expect(capturedCall.length).toBe(520);
    const session = new EdgeControlSession();
    eventsOf(session, bytes(vectors.bootstrap));
    const [event] = eventsOf(session, capturedCall);
    expect(event).toEqual({
      type: 'register',
      questionId: 1,
      request: {
        accountTag: 'acct-1',
        tunnelSecret: Buffer.alloc(32, 7),
        tunnelUuid: Buffer.from('11111111222243338444555555555555', 'hex'),
        connectionIndex: 0,
        clientUuid: Buffer.from('df53fca266bb4cd29d920954cb1fb5bb', 'hex'),
        features: [
          'serialized_headers',
          'support_datagram_v2',
          'support_quic_eof',
          'management_logs',
          'allow_remote_config',
        ],
        version: '2026.8.2',
        architecture: 'linux_amd64',
        originLocalIp: Buffer.from('00000000000000000000ffff7f000001', 'hex'),
        previousAttempts: 0,
      },
    });
  });

  it('reads bootstrap and call split into single bytes', () => {
    const session = new EdgeControlSession();
    const events: EdgeControlEvent[] = [];
    for (const byte of Buffer.concat([bytes(vectors.bootstrap), capturedCall])) {
      events.push(...eventsOf(session, Buffer.from([byte])));
    }
    expect(events.map((event) => event.type)).toEqual(['reply', 'register']);
  });
});

describe('a whole conversation', () => {
  it('registers, hands over a configuration, unregisters, with question ids reused', () => {
    const edge = new EdgeControlSession();
    const connector = new ConnectorControlSession();
    const asked = eventsOf(edge, connector.start(request));
    expect(asked.map((event) => event.type)).toEqual(['reply', 'register']);
    const register = asked[1]!;
    if (register.type !== 'register') throw new Error('no registration');
    expect(register.request).toEqual(request);

    const details = { connectionUuid, locationName: 'lab', remotelyManaged: false };
    const bootstrapReply = asked[0]!.type === 'reply' ? asked[0]!.bytes : Buffer.alloc(0);
    const told = connector.receive(
      Buffer.concat([bootstrapReply, edge.acceptRegistration(register.questionId, details)]),
    );
    if (!told.ok) throw new Error(told.reason);
    expect(told.value.map((event) => event.type)).toEqual(['reply', 'registered', 'reply']);
    expect(told.value[1]).toEqual({ type: 'registered', details });
    const finishes = Buffer.concat(told.value.flatMap((event) => (event.type === 'reply' ? [event.bytes] : [])));
    expect(eventsOf(edge, finishes)).toEqual([]);

    const [config] = eventsOf(edge, connector.sendLocalConfiguration(Buffer.from('{"ingress":[]}')));
    if (config?.type !== 'local-configuration') throw new Error('no configuration');
    expect(config.questionId).toBe(0);
    expect(config.json.toString()).toBe('{"ingress":[]}');
    const taken = connector.receive(edge.acknowledge(config.questionId));
    expect(taken.ok && taken.value[0]).toEqual({ type: 'local-configuration-taken' });

    const [unregister] = eventsOf(edge, connector.unregister());
    if (unregister?.type !== 'unregister') throw new Error('no unregister');
    const gone = connector.receive(edge.acknowledge(unregister.questionId));
    expect(gone.ok && gone.value[0]).toEqual({ type: 'unregistered' });
    expect(eventsOf(edge, connector.abort('rpc: shutdown'))).toEqual([{ type: 'aborted', reason: 'rpc: shutdown' }]);
  });

  it('carries a refusal with its cause', () => {
    const edge = new EdgeControlSession();
    const connector = new ConnectorControlSession();
    const [reply, register] = eventsOf(edge, connector.start(request));
    if (reply?.type !== 'reply' || register?.type !== 'register') throw new Error('unexpected');
    const refusal = { cause: 'tunnel token refused', retryAfterNs: -1n, shouldRetry: true };
    const told = connector.receive(Buffer.concat([reply.bytes, edge.refuseRegistration(register.questionId, refusal)]));
    expect(told.ok && told.value[1]).toEqual({ type: 'refused', refusal });
  });

  it('answers unknown interfaces, methods and capabilities with exceptions', () => {
    const edge = new EdgeControlSession();
    const unregister = encodeUnregisterCall(1);
    const wrongMethod = Buffer.from(unregister);
    wrongMethod.writeUInt16LE(9, 8 + 8 * 3 + 4);
    const wrongInterface = Buffer.from(unregister);
    wrongInterface.writeUInt32LE(1, 8 + 8 * 4);
    for (const call of [wrongMethod, wrongInterface]) {
      const [event] = eventsOf(edge, call);
      if (event?.type !== 'reply') throw new Error('no answer');
      const connector = new ConnectorControlSession();
      connector.start(request);
      const told = connector.receive(event.bytes);
      expect(told.ok && told.value[0]?.type).toBe('failed');
    }
  });

  it('gives an unknown message back as unimplemented', () => {
    const edge = new EdgeControlSession();
    const resolve = bytes(vectors.bootstrap);
    resolve.writeUInt16LE(5, 16);
    const [event] = eventsOf(edge, resolve);
    if (event?.type !== 'reply') throw new Error('no answer');
    expect(new ConnectorControlSession().receive(event.bytes)).toEqual({ ok: true, value: [] });
    expect(event.bytes.includes(resolve.subarray(16))).toBe(true);
  });

  it('refuses a question id that is still open, and too many open questions', () => {
    const edge = new EdgeControlSession();
    eventsOf(edge, encodeUnregisterCall(1));
    expect(edge.receive(encodeUnregisterCall(1))).toEqual({ ok: false, reason: 'question-reused' });
    const other = new EdgeControlSession();
    for (let id = 0; id < 8; id += 1) eventsOf(other, encodeUnregisterCall(id));
    expect(other.receive(encodeUnregisterCall(8))).toEqual({ ok: false, reason: 'too-many-questions' });
  });
});
