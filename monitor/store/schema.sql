-- The whole schema as it stands now: what a database looks like once every migration has been applied.
-- tests/monitor/store/test_migrate.py proves that it and the migrations say the same.

create table schema_versions (
    version text primary key,
    checksum text not null,
    applied_at timestamptz not null default now()
);

create table signals (
    kind text not null,
    asset text,
    venue text,
    instrument text,
    network text,
    contract text,
    pool text,
    vantage text,
    event_time timestamptz not null,
    received_at timestamptz not null,
    source text not null,
    seq bigint not null,
    value double precision,
    attributes jsonb not null,
    link text,
    run_id text not null
) partition by range (received_at);

create index signals_received_at on signals using brin (received_at) with (pages_per_range = 16, autosummarize = on);

create table incident_changes (
    incident_id text not null,
    revision integer not null,
    scope text not null,
    kind text not null,
    state text not null,
    at timestamptz not null,
    opened_at timestamptz not null,
    level smallint not null,
    peak smallint not null,
    headline text not null,
    body jsonb not null,
    primary key (incident_id, revision)
);

create index incident_changes_at on incident_changes (at);

create table checkpoints (
    network text primary key,
    body bytea not null,
    saved_at timestamptz not null
);

create table log_cursors (
    log_id text primary key,
    vantage text not null,
    position bigint not null,
    written_at timestamptz not null
);

create table writer_leases (
    vantage text primary key,
    log_id text not null,
    holder text not null,
    taken_at timestamptz not null,
    renewed_at timestamptz not null
);

create table deliveries (
    sink text not null,
    incident_id text not null,
    revision integer not null,
    outcome text not null,
    why text not null,
    at timestamptz not null,
    primary key (sink, incident_id, revision)
);

create index deliveries_at on deliveries (at);
