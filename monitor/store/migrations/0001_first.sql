-- Signals, incidents, checkpoints and the numbers of the batches that were written.

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

create table batches (
    run_id text not null,
    number bigint not null,
    cut_at timestamptz not null,
    primary key (run_id, number)
);

create index batches_cut_at on batches (cut_at);
