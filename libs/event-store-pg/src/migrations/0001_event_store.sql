create table stream_event (
  stream_id text not null,
  version int not null check (version > 0),
  type text not null,
  data jsonb not null,
  appended_at timestamptz not null default now(),
  primary key (stream_id, version)
);
