import { fail, ok, type Result } from '@sallyport/result';
import { Agent, fetch, type Response } from 'undici';

export interface ControlProblem {
  /** HTTP status; 0 where control could not be reached. */
  readonly status: number;
  /** Control's stable code, `unreachable`, or `unexpected_answer`. */
  readonly code: string;
  /** One line for a person. */
  readonly message: string;
}

export interface ControlAccess {
  /** Without a path. */
  readonly url: string;
  readonly apiKey: string;
  /** Named where the key is an operator's and the request is about one workspace. */
  readonly workspaceId?: string;
}

export type JsonObject = Readonly<Record<string, unknown>>;

const connectMsMax = 5_000;
const answerMsMax = 60_000;
const lineCharactersMax = 16 * 1024 * 1024;

/** Control's REST API, as the commands use it. */
export class ControlClient {
  readonly #access: ControlAccess;
  readonly #agent = new Agent({ connectTimeout: connectMsMax, headersTimeout: answerMsMax, bodyTimeout: 0 });

  constructor(access: ControlAccess) {
    this.#access = access;
  }

  /** The same control with other rights; both share nothing. */
  as(part: Partial<ControlAccess>): ControlClient {
    return new ControlClient({ ...this.#access, ...part });
  }

  get(path: string): Promise<Result<JsonObject, ControlProblem>> {
    return this.#json('GET', path);
  }

  post(path: string, body: JsonObject = {}): Promise<Result<JsonObject, ControlProblem>> {
    return this.#json('POST', path, body);
  }

  /** The lines of an NDJSON answer as they come. The first refusal, a broken stream included, ends it as a failure. */
  async *lines(
    method: 'GET' | 'POST',
    path: string,
    signal?: AbortSignal,
  ): AsyncGenerator<Result<JsonObject, ControlProblem>> {
    try {
      const response = await this.#send(method, path, undefined, signal);
      if (!response.ok) return yield fail(await problemOf(response));
      let partial = '';
      const decoder = new TextDecoder();
      for await (const chunk of response.body ?? []) {
        const lines = (partial + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n');
        partial = lines.pop() ?? '';
        if (partial.length > lineCharactersMax) return yield fail(unexpected(response.status));
        for (const line of lines) if (line !== '') yield ok(JSON.parse(line) as JsonObject);
      }
    } catch (error) {
      if (signal?.aborted !== true) yield fail(this.#unreachable(error));
    }
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async #json(method: 'GET' | 'POST', path: string, body?: JsonObject): Promise<Result<JsonObject, ControlProblem>> {
    try {
      const response = await this.#send(method, path, body, AbortSignal.timeout(answerMsMax));
      if (!response.ok) return fail(await problemOf(response));
      const value: unknown = await response.json();
      return typeof value === 'object' && value !== null ? ok(value as JsonObject) : fail(unexpected(response.status));
    } catch (error) {
      return fail(this.#unreachable(error));
    }
  }

  #send(method: string, path: string, body?: JsonObject, signal?: AbortSignal): Promise<Response> {
    const { url, apiKey, workspaceId } = this.#access;
    return fetch(new URL(path, url), {
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(workspaceId === undefined ? {} : { 'anthropic-workspace-id': workspaceId }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
      dispatcher: this.#agent,
    });
  }

  #unreachable(error: unknown): ControlProblem {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    return { status: 0, code: 'unreachable', message: `control does not answer at ${this.#access.url} (${code})` };
  }
}

async function problemOf(response: Response): Promise<ControlProblem> {
  try {
    const { error } = (await response.json()) as {
      error: { message: unknown; details?: { error_code?: unknown } };
    };
    if (typeof error.message !== 'string') return unexpected(response.status);
    const code = typeof error.details?.error_code === 'string' ? error.details.error_code : 'refused';
    return { status: response.status, code, message: error.message };
  } catch {
    return unexpected(response.status);
  }
}

function unexpected(status: number): ControlProblem {
  return { status, code: 'unexpected_answer', message: `control answered with status ${status} and nothing readable` };
}
