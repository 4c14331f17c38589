-- name: batch_number
-- Nothing comes back where this batch had already been written.
insert into batches (run_id, number, cut_at) values ($1, $2, $3)
on conflict do nothing
returning number

-- name: change
insert into incident_changes
    (incident_id, revision, scope, kind, state, at, opened_at, level, peak, headline, body)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
on conflict do nothing

-- name: checkpoint
-- A checkpoint that comes late from the spool does not overwrite a newer one.
insert into checkpoints (network, body, saved_at) values ($1, $2, $3)
on conflict (network) do update set body = excluded.body, saved_at = excluded.saved_at
where checkpoints.saved_at <= excluded.saved_at

-- name: load_checkpoint
select body from checkpoints where network = $1

-- name: incidents
select body from (
    select distinct on (incident_id) incident_id, at, body
    from incident_changes
    where $2::timestamptz is null or at >= $2
    order by incident_id, revision desc
) as latest
order by at desc, incident_id
limit $1

-- name: incident
select body from incident_changes where incident_id = $1 order by revision

-- name: signals
select kind, asset, venue, instrument, network, contract, pool, vantage,
       event_time, received_at, source, seq, value, attributes, link
from signals
where received_at >= $1 and received_at < $2 and ($3::text is null or asset = $3)
order by received_at, source, seq

-- name: partitions
select child.relname
from pg_inherits
join pg_class child on child.oid = pg_inherits.inhrelid
where pg_inherits.inhparent = 'signals'::regclass
order by child.relname

-- name: forget_batches
delete from batches where cut_at < $1

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
