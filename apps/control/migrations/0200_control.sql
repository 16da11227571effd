create table workspace (
  workspace_id text primary key,
  name text not null,
  created_at timestamptz not null default now()
);

create table api_key (
  api_key_id text primary key,
  -- Null for an operator of the deployment.
  workspace_id text references workspace,
  name text not null,
  scopes text[] not null,
  sha256 bytea not null unique check (length(sha256) = 32),
  created_at timestamptz not null default now(),
  revoked_at timestamptz
);
create index api_key_by_workspace on api_key (workspace_id, created_at);

create table policy (
  workspace_id text primary key references workspace,
  policy_id text not null unique,
  sha256 text not null,
  rules jsonb not null
);

-- Projections of the tunnel streams.
create table tunnel (
  tunnel_id text primary key,
  uuid uuid not null unique,
  workspace_id text not null references workspace,
  display_name text,
  domain text not null unique,
  mode text not null,
  router_unauthenticated boolean not null,
  token_id text not null,
  token_sha256 bytea not null check (length(token_sha256) = 32),
  created_at timestamptz not null,
  archived_at timestamptz
);
create index tunnel_by_workspace on tunnel (workspace_id, created_at desc, tunnel_id desc);

create table tunnel_certificate (
  certificate_id text primary key,
  tunnel_id text not null references tunnel,
  fingerprint text not null,
  pem text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  archived_at timestamptz
);
create index tunnel_certificate_by_tunnel on tunnel_certificate (tunnel_id, created_at desc, certificate_id desc);

-- Raised by every change that a router's cached route may depend on.
create table configuration_revision (
  one boolean primary key default true check (one),
  revision bigint not null default 1
);
insert into configuration_revision default values;
