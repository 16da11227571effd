create table topic (
  topic_id int generated always as identity primary key,
  name text not null unique,
  first_offset bigint not null default 0,
  next_offset bigint not null default 0,
  check (0 <= first_offset and first_offset <= next_offset)
) with (fillfactor = 50);

create table record (
  topic_id int not null references topic,
  "offset" bigint not null,
  key text not null,
  value text not null,
  published_at timestamptz not null default now(),
  primary key (topic_id, "offset")
);
-- Compressing costs more than the disk it saves.
alter table record alter column value set storage external;

-- The topic's row is locked until the commit, so records become visible in the order of their offsets, and a rollback leaves no gap.
create function publish(p_topic text, p_keys text[], p_values text[]) returns bigint language plpgsql security definer as $$
declare
  v_count constant bigint := cardinality(p_values);
  v_topic_id int;
  v_base bigint;
begin
  if v_count = 0 or v_count <> cardinality(p_keys) then
    raise exception 'a batch has as many keys as values, and at least one' using errcode = '22023';
  end if;
  update topic set next_offset = next_offset + v_count where name = p_topic
    returning topic_id, next_offset - v_count into v_topic_id, v_base;
  if not found then
    raise exception 'topic % does not exist', p_topic using errcode = 'SP404';
  end if;
  insert into record (topic_id, "offset", key, value)
    select v_topic_id, v_base + batch.ordinal - 1, batch.key, batch.value
    from unnest(p_keys, p_values) with ordinality as batch (key, value, ordinal);
  perform pg_notify(current_schema() || '_record', p_topic);
  return v_base;
end $$;

-- Retention: readers that want an offset below get a gap, never silence.
create function delete_below(p_topic text, p_offset bigint) returns bigint language plpgsql security definer as $$
declare
  v_topic_id int;
  v_first bigint;
begin
  update topic set first_offset = greatest(first_offset, least(p_offset, next_offset)) where name = p_topic
    returning topic_id, first_offset into v_topic_id, v_first;
  if not found then
    raise exception 'topic % does not exist', p_topic using errcode = 'SP404';
  end if;
  delete from record where topic_id = v_topic_id and "offset" < v_first;
  return v_first;
end $$;

create function ensure_topics(p_names text[]) returns void language sql security definer as $$
  insert into topic (name) select unnest(p_names) on conflict (name) do nothing
$$;

-- The functions run as their owner: nobody else writes the tables, and no caller may slip in a table of the same name.
do $$ begin
  execute format('alter function publish(text, text[], text[]) set search_path = %I, pg_temp', current_schema());
  execute format('alter function delete_below(text, bigint) set search_path = %I, pg_temp', current_schema());
  execute format('alter function ensure_topics(text[]) set search_path = %I, pg_temp', current_schema());
end $$;
revoke execute on function publish(text, text[], text[]), delete_below(text, bigint), ensure_topics(text[]) from public;
