-- One log per topic. The row decides which generation of the ledger is the live one; whoever appends to the live log locks it first.
create table log (
  topic text primary key,
  origin text not null unique,
  generation int not null,
  halted_reason text,
  halted_at timestamptz
);

-- One build of a log: rows, next offset and frontier move in one transaction, so a replay is exactly-once.
create table generation (
  generation int generated always as identity primary key,
  topic text not null,
  next_offset bigint not null default 0,
  tree_size bigint not null default 0,
  -- Size and the roots of the complete subtrees, as Frontier.serialize writes them.
  frontier bytea not null default '\x0000000000000000',
  created_at timestamptz not null default now()
) with (fillfactor = 20);

-- Each generation has its leaves in a table of its own (`leaf_<generation>`), made like this one.
create table leaf_template (
  leaf_index bigint primary key,
  -- 0: event. 1: conflict, an event id that came again with other bytes. 2: unparseable.
  kind smallint not null,
  log_offset bigint not null,
  hash bytea not null,
  -- The hashed bytes: text for events, so that nothing rewrites them; bytes for what may not be text.
  body text,
  raw bytea,
  event_id uuid,
  call_id text,
  seq int,
  phase text,
  type text,
  event_time timestamptz,
  workspace text,
  tunnel text,
  tool text,
  principal text,
  check ((body is null) <> (raw is null))
);
alter table leaf_template alter column body set storage external;
create unique index on leaf_template (event_id) where kind = 0;
create index on leaf_template (event_id) where kind = 1;
create index on leaf_template (call_id, seq) where call_id is not null;
create index on leaf_template (workspace, leaf_index) where workspace is not null;
create index on leaf_template using brin (event_time) with (pages_per_range = 32, autosummarize = on);

-- Roots of 256^level leaves: what proofs need above the leaves, one row per 256 leaves.
create table tile_hash (
  generation int not null,
  level smallint not null,
  index bigint not null,
  hash bytea not null,
  primary key (generation, level, index)
);

-- Every source numbers its events from 1 across all topics: what the sum of the counts lacks to the highest number is missing.
create table source_sequence (
  generation int not null,
  source text not null,
  last_sequence bigint not null,
  events bigint not null,
  touched_at timestamptz not null default now(),
  primary key (generation, source)
) with (fillfactor = 50);

create table checkpoint (
  origin text not null,
  size bigint not null,
  root bytea not null,
  note text not null,
  -- Id and time of the event that announces it: the same each time it is sent.
  event_id uuid not null,
  signed_at timestamptz not null,
  published_at timestamptz,
  primary key (origin, size)
);
create index on checkpoint (signed_at) where published_at is null;

-- What is in the log and is no event: announced on the dead letter topic.
create table irregular_record (
  topic text not null,
  log_offset bigint not null,
  leaf_index bigint not null,
  kind smallint not null,
  reason text not null,
  raw bytea not null,
  event_id uuid not null default gen_random_uuid(),
  noticed_at timestamptz not null default now(),
  published_at timestamptz,
  primary key (topic, log_offset)
);
create index on irregular_record (noticed_at) where published_at is null;

create function create_generation(p_topic text) returns int language plpgsql as $$
declare
  v_generation int;
begin
  insert into generation (topic) values (p_topic) returning generation into v_generation;
  execute format('create table leaf_%s (like leaf_template including all)', v_generation);
  return v_generation;
end $$;

create function drop_generation(p_generation int) returns void language plpgsql as $$
begin
  execute format('drop table if exists leaf_%s', p_generation);
  delete from tile_hash where generation = p_generation;
  delete from source_sequence where generation = p_generation;
  delete from generation where generation = p_generation;
end $$;

do $$ begin
  execute format('alter function create_generation(text) set search_path = %I, pg_temp', current_schema());
  execute format('alter function drop_generation(int) set search_path = %I, pg_temp', current_schema());
end $$;
