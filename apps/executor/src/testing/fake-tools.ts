import type { Sandbox } from '@sallyport/sandbox';

import { type ToolResult, ToolRunner } from '../ports/tool-runner.ts';
import { FakeSandbox } from './fake-driver.ts';

interface Arguments {
  readonly text?: string;
  readonly ms?: number;
  readonly bytes?: number;
}

type Options = Parameters<ToolRunner['run']>[2];

/**
 * Tools for a fake sandbox: `echo`, `sleep` (ends with an abort), `stubborn` (does not), `stream` (so many bytes of output), `flood` (the same, and they
 * are not the answer), `die` (kills the
 * sandbox).
 */
export class FakeTools extends ToolRunner {
  /** Each run's tool and text, in order. */
  readonly runs: string[] = [];
  /** Floods that were written to their end. */
  ended = 0;

  override async run(
    sandbox: Sandbox,
    tool: { readonly name: string; readonly argumentsJson: Uint8Array },
    options: Options,
  ): Promise<ToolResult> {
    const input = JSON.parse(Buffer.from(tool.argumentsJson).toString()) as Arguments;
    this.runs.push(`${tool.name} ${input.text ?? ''}`.trim());
    switch (tool.name) {
      case 'echo':
        return done(input.text ?? '');
      case 'sleep':
        return sleep(input.ms ?? 0, options.signal);
      case 'stubborn':
        return new Promise(() => undefined);
      case 'stream':
        return stream(input.bytes ?? 0, options);
      case 'flood':
        await stream(input.bytes ?? 0, options);
        this.ended += 1;
        return done('');
      case 'die':
        if (sandbox instanceof FakeSandbox) sandbox.die();
        return new Promise(() => undefined);
      case 'throw':
        throw new Error('a bug');
      default:
        return { outcome: 'refused', text: '', isError: true, code: 'invalid_arguments' };
    }
  }
}

function done(text: string): ToolResult {
  return { outcome: 'done', text, isError: false, code: '' };
}

function sleep(ms: number, signal: AbortSignal): Promise<ToolResult> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(done('slept')), ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve({ outcome: 'cancelled', text: '', isError: true, code: 'cancelled' });
    });
  });
}

async function stream(bytes: number, { onOutput }: Options): Promise<ToolResult> {
  const piece = 10_000;
  for (let at = 0; at < bytes; at += piece) {
    const data = Buffer.alloc(Math.min(piece, bytes - at));
    for (let index = 0; index < data.length; index += 1) data[index] = (at + index) % 251;
    onOutput(data);
    if (at % (piece * 16) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return done('x'.repeat(bytes));
}
