import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Suite } from '../harness/suite.ts';
import { openSuiteDatabase } from '../harness/suite-database.ts';

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Scan Direction'?: string;
  readonly 'Index Name'?: string;
  readonly 'Relation Name'?: string;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Actual Rows'?: number;
  readonly 'Actual Loops'?: number;
  readonly 'Shared Hit Blocks'?: number;
  readonly 'Shared Read Blocks'?: number;
  readonly Plans?: readonly PlanNode[];
}

const entry = /LOG:\s+duration: ([\d.]+) ms\s+plan:\n((?:[\t{}].*\n)+)/g;
const logMs = 700;

/** Lets the server write down the plan of every statement of the audit service (auto_explain), and reads them from its log. */
export class QueryPlans {
  readonly #log: string;
  readonly #database: ReturnType<typeof openSuiteDatabase>;

  private constructor(suite: Suite) {
    this.#log = join(suite.ready.dataDir, 'logs', 'postgres.log');
    this.#database = openSuiteDatabase(suite.ready.dataDir);
  }

  static async open(suite: Suite): Promise<QueryPlans> {
    const plans = new QueryPlans(suite);
    const settings = {
      session_preload_libraries: `'auto_explain'`,
      'auto_explain.log_min_duration': '0',
      'auto_explain.log_analyze': 'on',
      'auto_explain.log_buffers': 'on',
      'auto_explain.log_timing': 'off',
      'auto_explain.log_format': 'json',
    };
    await plans.#database.query(`load 'auto_explain'`); // or its settings are unknown
    for (const [name, value] of Object.entries(settings))
      await plans.#database.query(`alter role audit in database sallyport set ${name} = ${value}`);
    // Connections have the settings of their beginning; the service opens new ones.
    await plans.#database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'audit' and pid <> pg_backend_pid()`,
    );
    await sleep(3_000);
    return plans;
  }

  /** The plans of the statements on a table of leaves that `ask` leads to, a line each. */
  async of(ask: () => Promise<unknown>): Promise<readonly string[]> {
    const from = statSync(this.#log).size;
    await ask();
    await sleep(logMs);
    const written = readFileSync(this.#log).subarray(from).toString();
    return [...written.matchAll(entry)].flatMap(([, ms = '', json = '']) => {
      const { 'Query Text': text, Plan } = JSON.parse(json) as { 'Query Text': string; Plan: PlanNode };
      return /^select leaf_index, .* from leaf_\d+ where /.test(text) ? [`${ms} ms: ${sentence(Plan)}`] : [];
    });
  }

  async close(): Promise<void> {
    await this.#database.query('alter role audit in database sallyport reset all');
    await this.#database.end();
  }
}

function sentence(node: PlanNode): string {
  const direction = node['Scan Direction'] === 'Backward' ? ' backward' : '';
  const on = node['Index Name'] ?? node['Relation Name'];
  const removed = node['Rows Removed by Filter'];
  const own = [
    `${node['Node Type']}${direction}`,
    ...(on === undefined ? [] : [`on ${on.replace(/^leaf_\d+/, 'leaf')}`]),
    `${Math.round((node['Actual Rows'] ?? 0) * (node['Actual Loops'] ?? 1))} rows`,
    ...(removed === undefined || removed === 0 ? [] : [`${removed} dropped`]),
  ].join(' ');
  const children = (node.Plans ?? []).map(sentence);
  const pages = (node['Shared Hit Blocks'] ?? 0) + (node['Shared Read Blocks'] ?? 0);
  return children.length === 0 ? `${own}, ${pages} pages` : `${own} ← ${children.join(' + ')}`;
}
