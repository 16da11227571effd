-- Between which times the events of a block of 1024 leaves are. A search by time reads the leaves of the blocks that can have them, in the order of the
-- log; times alone would not say where, for sources write late.
create table leaf_time (
  generation int not null,
  block bigint not null,
  from_time timestamptz not null,
  to_time timestamptz not null,
  primary key (generation, block)
) with (fillfactor = 50);

create or replace function drop_generation(p_generation int) returns void language plpgsql as $$
begin
  execute format('drop table if exists leaf_%s', p_generation);
  delete from tile_hash where generation = p_generation;
  delete from source_sequence where generation = p_generation;
  delete from leaf_time where generation = p_generation;
  delete from generation where generation = p_generation;
end $$;

-- Each gives a value's events in the order of the log. What every call has (its four usual phases) is dense in the log itself.
create function index_for_search(p_table text) returns void language plpgsql as $$
begin
  execute format('drop index %s_event_time_idx', p_table);
  execute format('create index on %I (tool, leaf_index) where tool is not null', p_table);
  execute format('create index on %I (tunnel, leaf_index) where tunnel is not null', p_table);
  execute format('create index on %I (principal, leaf_index) where principal is not null', p_table);
  execute format('create index on %I (phase, leaf_index)
    where phase in (''denied'', ''failed'', ''timed_out'', ''cancelled'', ''orphaned'', ''late_result'')', p_table);
  execute format('create index on %I (type, leaf_index)
    where type not in (''sallyport.toolcall.requested.v1'', ''sallyport.toolcall.authorized.v1'', ''sallyport.toolcall.dispatched.v1'',
      ''sallyport.toolcall.completed.v1'')', p_table);
end $$;

do $$
declare
  v_generation int;
begin
  perform index_for_search('leaf_template');
  for v_generation in select generation from generation loop
    perform index_for_search(format('leaf_%s', v_generation));
    execute format('insert into leaf_time select %s, leaf_index / 1024, min(event_time), max(event_time) from leaf_%s
      where event_time is not null group by leaf_index / 1024', v_generation, v_generation);
  end loop;
  drop function index_for_search(text);
  execute format('alter function drop_generation(int) set search_path = %I, pg_temp', current_schema());
end $$;
