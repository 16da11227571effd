-- Projections of the streams of environments, sessions and work items. `position` orders lists and is the cursor of their pages.
create table environment (
  environment_id text primary key,
  position bigint generated always as identity unique,
  workspace_id text not null,
  name text not null,
  description text not null,
  metadata jsonb not null,
  placement jsonb not null,
  -- Open to every workspace.
  organization boolean not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  archived_at timestamptz
);
create index environment_by_workspace on environment (workspace_id, position desc);

create table session (
  session_id text primary key,
  position bigint generated always as identity unique,
  workspace_id text not null,
  environment_id text not null references environment,
  title text not null,
  metadata jsonb not null,
  status text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  archived_at timestamptz
);
create index session_by_workspace on session (workspace_id, position desc);

-- One live item for each session that has work to do or a sandbox.
create table work_item (
  work_id text primary key,
  position bigint generated always as identity unique,
  session_id text not null references session,
  environment_id text not null references environment,
  workspace_id text not null,
  state text not null check (state in ('queued', 'leased', 'stopped')),
  -- The fencing token of the last claim; it rises with each claim of the session.
  token bigint not null,
  executor_id text,
  lease_until timestamptz,
  -- The sandbox runs.
  is_ready boolean not null default false,
  queued_at timestamptz not null,
  not_before timestamptz not null
);
create unique index work_item_live on work_item (session_id) where state <> 'stopped';
create index work_item_queue on work_item (environment_id, workspace_id, position) where state = 'queued';
create index work_item_lease on work_item (lease_until) where state = 'leased';

-- What a session has gone through, for people and programs that follow it. No payloads.
create table session_event (
  event_id text primary key,
  position bigint generated always as identity unique,
  session_id text not null references session,
  type text not null,
  detail jsonb not null,
  at timestamptz not null
);
create index session_event_by_session on session_event (session_id, position);

-- Raised by each process that begins to lead: who finds another epoch than its own has been replaced.
create table leadership (
  one boolean primary key default true check (one),
  epoch bigint not null default 0
);
insert into leadership default values;
