-- The database becomes a reader of the local log: it holds its own place in it, and one daemon a vantage may write.

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

drop table batches;
