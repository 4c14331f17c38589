-- name: begin
-- Bounds for a server that loses us in the middle: its locks must not outlive us, nor may we wait for those of another.
begin;
set local idle_in_transaction_session_timeout = '60s';
set local lock_timeout = '10s'

-- name: cursor
-- How far this log has been written; a log that is new here begins at 0.
with made as (
    insert into log_cursors (log_id, vantage, position, written_at) values ($1, $2, 0, clock_timestamp())
    on conflict do nothing
    returning position
)
select position from made union all select position from log_cursors where log_id = $1

-- name: reset_cursor
update log_cursors set position = $2 where log_id = $1

-- name: advance
-- Nothing comes back where another holds the lease, or the cursor is not where we left it.
with held as (
    insert into writer_leases (vantage, log_id, holder, taken_at, renewed_at)
    values ($1, $2, $3, clock_timestamp(), clock_timestamp())
    on conflict (vantage) do update set
        taken_at = case when writer_leases.log_id = excluded.log_id then writer_leases.taken_at else excluded.taken_at end,
        log_id = excluded.log_id, holder = excluded.holder, renewed_at = excluded.renewed_at
    where writer_leases.log_id = excluded.log_id
        or writer_leases.renewed_at < clock_timestamp() - make_interval(secs => $4)
    returning log_id
)
update log_cursors set position = $6, vantage = $1, written_at = clock_timestamp()
where log_id = $2 and position = $5 and exists (select from held)
returning position

-- name: renew_lease
-- Nothing comes back where another holds it.
insert into writer_leases (vantage, log_id, holder, taken_at, renewed_at)
values ($1, $2, $3, clock_timestamp(), clock_timestamp())
on conflict (vantage) do update set
    taken_at = case when writer_leases.log_id = excluded.log_id then writer_leases.taken_at else excluded.taken_at end,
    log_id = excluded.log_id, holder = excluded.holder, renewed_at = excluded.renewed_at
where writer_leases.log_id = excluded.log_id
    or writer_leases.renewed_at < clock_timestamp() - make_interval(secs => $4)
returning holder

-- name: lease
select log_id, holder, taken_at, renewed_at + make_interval(secs => $2) as expires_at
from writer_leases where vantage = $1

-- name: release_lease
delete from writer_leases where vantage = $1 and log_id = $2

-- name: delivery
insert into deliveries (sink, incident_id, revision, outcome, why, at) values ($1, $2, $3, $4, $5, $6)
on conflict do nothing

-- name: change
insert into incident_changes
    (incident_id, revision, scope, kind, state, at, opened_at, level, peak, headline, body)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
on conflict do nothing

-- name: checkpoint
-- A checkpoint of an older log does not overwrite a newer one.
insert into checkpoints (network, body, saved_at) values ($1, $2, $3)
on conflict (network) do update set body = excluded.body, saved_at = excluded.saved_at
where checkpoints.saved_at <= excluded.saved_at

-- name: load_checkpoint
select body from checkpoints where network = $1

-- name: incidents
select body from (
    select distinct on (incident_id) incident_id, at, opened_at, scope, peak, state, body
    from incident_changes
    where $2::timestamptz is null or at >= $2
    order by incident_id, revision desc
) as latest
where ($3::timestamptz is null or opened_at <= $3)
    and ($4::text[] is null or scope = any($4))
    and peak >= $5
    and ($6::text is null or state = $6)
order by at desc, incident_id
limit $1

-- name: incident
select body from incident_changes where incident_id = $1 order by revision

-- name: signals
select kind, asset, venue, instrument, network, contract, pool, vantage,
       event_time, received_at, source, seq, value, attributes, link
from signals
where received_at >= $1 and received_at < $2 and ($3::text is null or asset = $3) and ($4::text is null or venue = $4)
order by received_at, source, seq

-- name: changes
select body from incident_changes
where at >= $1 and at < $2
    and ($3::text is null or scope = 'asset:' || $3 or body -> 'evidence' @>
        jsonb_build_array(jsonb_build_object('subject', jsonb_build_object('asset', $3::text))))
    and ($4::text is null or scope in ('venue:' || $4, $4) or body -> 'evidence' @>
        jsonb_build_array(jsonb_build_object('subject', jsonb_build_object('venue', $4::text))))
order by at, incident_id, revision

-- name: deliveries
-- With a filter, of a change that the same filter chooses: what it was about stands there.
select sink, incident_id, revision, outcome, why, at from deliveries
where at >= $1 and at < $2
    and ($3::text is null and $4::text is null or exists (
        select from incident_changes as change
        where change.incident_id = deliveries.incident_id and change.revision = deliveries.revision
            and ($3::text is null or scope = 'asset:' || $3 or body -> 'evidence' @>
                jsonb_build_array(jsonb_build_object('subject', jsonb_build_object('asset', $3::text))))
            and ($4::text is null or scope in ('venue:' || $4, $4) or body -> 'evidence' @>
                jsonb_build_array(jsonb_build_object('subject', jsonb_build_object('venue', $4::text))))))
order by at, sink, incident_id, revision

-- name: partitions
select child.relname
from pg_inherits
join pg_class child on child.oid = pg_inherits.inhrelid
where pg_inherits.inhparent = 'signals'::regclass
order by child.relname

-- name: forget_deliveries
delete from deliveries where at < $1

-- name: partition_lock
-- One at a time: two writers may need the same day at the same moment.
select pg_advisory_xact_lock(hashtextextended('stormwatch partitions', 0))

-- name: migration_lock
select pg_advisory_lock(hashtextextended('stormwatch migrations', 0))

-- name: migration_unlock
select pg_advisory_unlock(hashtextextended('stormwatch migrations', 0))

-- name: versions_table
create table if not exists schema_versions (
    version text primary key,
    checksum text not null,
    applied_at timestamptz not null default now()
)

-- name: versions_known
select to_regclass('schema_versions') is not null

-- name: versions
select version, checksum from schema_versions order by version

-- name: version_applied
insert into schema_versions (version, checksum) values ($1, $2)
