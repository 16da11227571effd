-- Environments are the scheduler's: it was asked whether this one is the workspace's when the key was made.
create table environment_key (
  environment_key_id text primary key,
  workspace_id text not null references workspace,
  environment_id text not null,
  name text not null,
  sha256 bytea not null unique check (length(sha256) = 32),
  created_at timestamptz not null default now(),
  revoked_at timestamptz
);
create index environment_key_by_environment on environment_key (workspace_id, environment_id, created_at desc);
