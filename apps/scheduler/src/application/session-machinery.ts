import type { CallJournal } from '../ports/call-journal.ts';
import type { ClockAndIds } from '../ports/clock-and-ids.ts';
import type { EnvironmentKeys } from '../ports/environment-keys.ts';
import type { Environments } from '../ports/environments.ts';
import type { ExecutorLink } from '../ports/executor-link.ts';
import type { ExecutorTrail } from '../ports/executor-trail.ts';
import type { Policies } from '../ports/policies.ts';
import type { SessionTrail } from '../ports/session-trail.ts';
import type { Sessions } from '../ports/sessions.ts';
import type { Lease, WorkQueue } from '../ports/work-queue.ts';
import { BeginLeases } from './begin-leases.ts';
import { CallTool, type CallToolDependencies, type CallToolLimits } from './call-tool.ts';
import { ConnectedExecutors } from './connected-executors.ts';
import { ExecutorReports, type ReportSignals } from './executor-reports.ts';
import { KeepLeases } from './keep-leases.ts';
import type { LaneLimits } from './lane.ts';
import { Lanes } from './lanes.ts';
import { PlaceWork, type PlaceWorkLimits } from './place-work.ts';
import { RegisterExecutor } from './register-executor.ts';
import { SandboxDemand } from './sandbox-demand.ts';
import { SessionDirectory } from './session-directory.ts';
import type { ToolCall } from './tool-call.ts';

export interface MachineryPorts {
  readonly queue: WorkQueue;
  readonly journal: CallJournal;
  readonly policies: Policies;
  readonly sessions: Sessions;
  readonly sessionTrail: SessionTrail;
  readonly environments: Environments;
  readonly keys: EnvironmentKeys;
  readonly trail: ExecutorTrail;
  readonly link: ExecutorLink;
  readonly clock: ClockAndIds;
}

export interface MachineryLimits {
  readonly leases: LaneLimits & { readonly leaseMs: number; readonly startMsMax: number };
  readonly calls: CallToolLimits;
  readonly queue: PlaceWorkLimits;
}

export interface MachinerySignals extends ReportSignals {
  callEnded(call: ToolCall): void;
  leased(lease: Lease): void;
  queueFailed(error: unknown): void;
}

type Commitments = Pick<CallToolDependencies, 'commitArguments' | 'commitResult'>;

/** Everything that holds sessions' calls and sandboxes in memory, wired to each other. */
export class SessionMachinery {
  readonly executors = new ConnectedExecutors();
  readonly directory: SessionDirectory;
  readonly lanes: Lanes;
  readonly place: PlaceWork;
  readonly demand: SandboxDemand;
  readonly begin: BeginLeases;
  readonly leases: KeepLeases;
  readonly reports: ExecutorReports;
  readonly callTool: CallTool;
  readonly registration: RegisterExecutor;

  constructor(
    ports: MachineryPorts,
    limits: MachineryLimits,
    commitments: Commitments,
    checks: { readonly known: readonly string[]; readonly namespaceNeeds: readonly string[] },
    signals: MachinerySignals,
  ) {
    const { queue, journal, link, clock } = ports;
    const failed = (error: unknown) => signals.queueFailed(error);
    this.directory = new SessionDirectory(ports.sessions, ports.environments);
    this.lanes = new Lanes(
      limits.leases,
      {
        link,
        wantSandbox: (lane) => this.demand.want(lane),
        wantNoSandbox: (lane) => this.demand.unwant(lane),
        endLease: (lease, reason) => {
          const lane = this.lanes.find(lease.sessionId);
          if (lane !== undefined) this.demand.end(lane, lease, reason);
        },
      },
      (call) => signals.callEnded(call),
    );
    this.place = new PlaceWork(queue, this.executors, link, limits.queue, {
      placed: (placed) => {
        signals.leased(placed.lease);
        return this.begin.begin(placed);
      },
      undelivered: (placed) => this.begin.undelivered(placed),
      failed,
    });
    const { lanes, place, executors } = this;
    this.demand = new SandboxDemand({ queue, lanes, place, executors, link }, failed);
    const { demand } = this;
    this.begin = new BeginLeases({ lanes, demand, place }, limits.leases.startMsMax);
    this.leases = new KeepLeases({ queue, lanes, demand }, limits.leases.leaseMs, failed);
    this.reports = new ExecutorReports({ lanes, queue, demand, journal, clock }, signals);
    const { directory: sessions } = this;
    const { policies } = ports;
    this.callTool = new CallTool({
      ...commitments,
      journal,
      clock,
      sessions,
      policies,
      trail: ports.sessionTrail,
      lanes,
      place,
      limits: limits.calls,
    });
    const { keys, environments, trail } = ports;
    const { leases } = this;
    this.registration = new RegisterExecutor({ keys, environments, executors, trail, lanes, leases }, checks);
  }
}
