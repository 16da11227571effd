import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Suite } from '../harness/suite.ts';
import { sessionCallRequest } from './bench-messages.ts';
import { HttpLane } from './http-lane.ts';

/** A session of the demo's environment, and a kept connection to its tools. */
export class BenchSession {
  readonly id: string;
  readonly #lane: HttpLane;

  constructor(id: string, lane: HttpLane) {
    this.id = id;
    this.#lane = lane;
  }

  async call(): Promise<void> {
    const status = await this.#lane.send();
    if (status !== 200) throw new Error(`a call was answered with ${status}`);
  }

  close(): void {
    this.#lane.close();
  }
}

interface Demo {
  readonly workspaceId: string;
  readonly environmentId: string;
}

/** Sessions in the environment of the suite's demo. */
export class DemoSessions {
  readonly #suite: Suite;
  readonly #demo: Demo;

  constructor(suite: Suite) {
    this.#suite = suite;
    this.#demo = JSON.parse(readFileSync(join(suite.ready.dataDir, 'suite.json'), 'utf8')) as Demo;
  }

  open(count: number): Promise<BenchSession[]> {
    return Promise.all(Array.from({ length: count }, () => this.#one()));
  }

  async close(sessions: readonly BenchSession[]): Promise<void> {
    for (const session of sessions) {
      session.close();
      await this.#control(`/v1/sessions/${session.id}/archive`, {});
    }
  }

  async #one(): Promise<BenchSession> {
    const { id } = (await this.#control('/v1/sessions', { environment_id: this.#demo.environmentId })) as {
      id: string;
    };
    const { routerUrl, apiKey } = this.#suite.ready;
    const port = Number(new URL(routerUrl).port);
    const request = sessionCallRequest({ port, path: `/v1/sessions/${id}/mcp`, apiKey });
    return new BenchSession(id, await HttpLane.open(port, request));
  }

  async #control(path: string, body: object): Promise<unknown> {
    const { workspaceId } = this.#demo;
    const headers = { 'anthropic-workspace-id': workspaceId };
    const { status, body: answer } = await this.#suite.control('POST', path, this.#suite.operatorKey, body, headers);
    if (status !== 200) throw new Error(`control answered ${status}: ${JSON.stringify(answer)}`);
    return answer;
  }
}

/** Each session sends its next call when it has its answer. */
export async function callInSessions(
  sessions: readonly BenchSession[],
  forMs: number,
): Promise<{ readonly calls: number; readonly callsPerS: number }> {
  const startedMs = performance.now();
  const untilMs = startedMs + forMs;
  let calls = 0;
  const run = async (session: BenchSession) => {
    for (; performance.now() < untilMs; calls += 1) await session.call();
  };
  await Promise.all(sessions.map(run));
  return { calls, callsPerS: (calls * 1_000) / (performance.now() - startedMs) };
}
