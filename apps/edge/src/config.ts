import { tlsFilesSchema } from '@sallyport/grpc';
import { logConfigSchema, telemetryConfigSchema } from '@sallyport/telemetry';
import { z } from 'zod';

const count = (fallback: number) => z.coerce.number().int().min(1).max(1_000_000).default(fallback);
const durationMs = (fallback: number) => z.coerce.number().int().min(10).max(3_600_000).default(fallback);

/** The whole configuration of an edge, by section. */
export const edgeConfigSections = {
  listener: z
    .object({
      EDGE_CONNECTOR_HOST: z.string().min(1).default('0.0.0.0'),
      EDGE_CONNECTOR_PORT: z.coerce.number().int().min(0).max(65_535).default(7844),
      EDGE_CONNECTOR_CERT_FILE: z.string().min(1),
      EDGE_CONNECTOR_KEY_FILE: z.string().min(1),
      EDGE_LOCATION: z.string().min(1).max(64).default('local'),
      EDGE_HANDSHAKE_TIMEOUT_MS: durationMs(10_000),
      EDGE_REGISTER_TIMEOUT_MS: durationMs(10_000),
      EDGE_CONNECTIONS_MAX: count(10_000),
      EDGE_CONNECTIONS_PER_ADDRESS_MAX: count(512),
      EDGE_ACCEPTS_PER_ADDRESS_PER_SECOND_MAX: count(50),
      EDGE_CONNECTIONS_PER_TUNNEL_MAX: count(128),
    })
    .transform((env) => ({
      host: env.EDGE_CONNECTOR_HOST,
      port: env.EDGE_CONNECTOR_PORT,
      certFile: env.EDGE_CONNECTOR_CERT_FILE,
      keyFile: env.EDGE_CONNECTOR_KEY_FILE,
      location: env.EDGE_LOCATION,
      handshakeTimeoutMs: env.EDGE_HANDSHAKE_TIMEOUT_MS,
      registerTimeoutMs: env.EDGE_REGISTER_TIMEOUT_MS,
      connectionsPerTunnelMax: env.EDGE_CONNECTIONS_PER_TUNNEL_MAX,
      accept: {
        openMax: env.EDGE_CONNECTIONS_MAX,
        openPerAddressMax: env.EDGE_CONNECTIONS_PER_ADDRESS_MAX,
        perAddressPerSecondMax: env.EDGE_ACCEPTS_PER_ADDRESS_PER_SECOND_MAX,
      },
    })),
  streams: z
    .object({
      EDGE_PING_INTERVAL_MS: durationMs(15_000),
      EDGE_PING_ACK_MS: durationMs(8_000),
      EDGE_OPEN_TIMEOUT_MS: durationMs(8_000),
      EDGE_RESPONSE_HEADER_TIMEOUT_MS: durationMs(300_000),
      EDGE_STREAMS_PER_CONNECTION_MAX: count(4_096),
      EDGE_STREAM_WINDOW_BYTES: z.coerce
        .number()
        .int()
        .min(65_535)
        .max(16_777_216)
        .default(4 * 1024 * 1024),
    })
    .transform((env) => ({
      pingIntervalMs: env.EDGE_PING_INTERVAL_MS,
      pingAckMs: env.EDGE_PING_ACK_MS,
      openTimeoutMs: env.EDGE_OPEN_TIMEOUT_MS,
      responseHeaderTimeoutMs: env.EDGE_RESPONSE_HEADER_TIMEOUT_MS,
      streamsPerConnectionMax: env.EDGE_STREAMS_PER_CONNECTION_MAX,
      streamWindowBytes: env.EDGE_STREAM_WINDOW_BYTES,
    })),
  grpc: z
    .object({ EDGE_GRPC_ADDRESS: z.string().min(1), EDGE_CONTROL_ADDRESS: z.string().min(1) })
    .transform((env) => ({ address: env.EDGE_GRPC_ADDRESS, controlAddress: env.EDGE_CONTROL_ADDRESS })),
  drain: z.object({ EDGE_DRAIN_MS: durationMs(10_000) }).transform((env) => ({ drainMs: env.EDGE_DRAIN_MS })),
  tls: tlsFilesSchema('EDGE'),
  log: logConfigSchema('EDGE'),
  telemetry: telemetryConfigSchema('EDGE'),
};

export type EdgeConfig = {
  readonly [Name in keyof typeof edgeConfigSections]: z.output<(typeof edgeConfigSections)[Name]>;
};
export type ListenerConfig = EdgeConfig['listener'];
export type StreamsConfig = EdgeConfig['streams'];
