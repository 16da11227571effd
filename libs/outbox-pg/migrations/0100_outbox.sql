create table outbox (
  id bigint generated always as identity,
  -- The order gate: a row may be published once every older transaction has ended.
  xid xid8 not null default pg_current_xact_id(),
  topic text not null,
  key text not null,
  event_id text not null,
  value text not null,
  created_at timestamptz not null default now(),
  primary key (xid, id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
alter table outbox alter column value set storage external;

create table outbox_source (
  source text primary key,
  last_sequence bigint not null default 0,
  -- Raised at every new connection of the writer: a statement of an older connection that is still under way can then not commit any more.
  fence bigint not null default 0,
  touched_at timestamptz not null default now()
) with (fillfactor = 20);

create table open_calls (
  call_id text primary key,
  owner text not null,
  lease_until timestamptz not null,
  next_seq int not null,
  -- What the sweeper needs to write `orphaned`; opaque here.
  context text not null
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
create index open_calls_lease_until on open_calls (lease_until);

-- One statement per group of writes, hence one round trip and one durable commit. All or nothing.
create function outbox_commit(
  p_source text, p_fence bigint, p_expected bigint,
  p_topics text[], p_keys text[], p_event_ids text[], p_values text[],
  p_close_ids text[],
  p_open_ids text[], p_open_owners text[], p_open_next_seqs int[], p_open_contexts text[], p_lease_ms bigint,
  p_notify boolean
) returns void language plpgsql as $$
declare
  v_closed bigint;
begin
  update outbox_source set last_sequence = p_expected + cardinality(p_topics), touched_at = now()
    where source = p_source and fence = p_fence and last_sequence = p_expected;
  if not found then
    raise exception 'the source is fenced or its sequence has moved' using errcode = 'SP001';
  end if;
  if cardinality(p_close_ids) > 0 then
    delete from open_calls where call_id = any (p_close_ids);
    get diagnostics v_closed = row_count;
    if v_closed <> cardinality(p_close_ids) then
      raise exception 'a call is not open any more' using errcode = 'SP002';
    end if;
  end if;
  insert into outbox (topic, key, event_id, value) select * from unnest(p_topics, p_keys, p_event_ids, p_values);
  if cardinality(p_open_ids) > 0 then
    insert into open_calls (call_id, owner, lease_until, next_seq, context)
      select opened.call_id, opened.owner, clock_timestamp() + p_lease_ms * interval '1 millisecond', opened.next_seq, opened.context
      from unnest(p_open_ids, p_open_owners, p_open_next_seqs, p_open_contexts) as opened (call_id, owner, next_seq, context);
  end if;
  if p_notify then
    perform pg_notify(current_schema() || '_outbox', '');
  end if;
end $$;

-- Rows are counted by their ids, so the figure may exceed the rows by what rolled back in between; it never falls short but for writes under way.
create function outbox_depth(out depth_rows bigint, out oldest_age_ms bigint) language sql stable as $$
  select coalesce(max(newest.id) - min(oldest.id) + 1, 0),
    coalesce(floor(extract(epoch from clock_timestamp() - min(oldest.created_at)) * 1000)::bigint, 0)
  from (select id, created_at from outbox order by xid, id limit 1) as oldest,
    (select id from outbox order by xid desc, id desc limit 1) as newest
$$;

do $$ begin
  execute format('alter function outbox_commit(text, bigint, bigint, text[], text[], text[], text[], text[], text[], text[], int[], text[], bigint, boolean) set search_path = %I, pg_temp', current_schema());
end $$;
