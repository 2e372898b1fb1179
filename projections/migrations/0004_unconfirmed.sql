-- Finds the workspaces whose enforcement nobody has confirmed, without reading the others. Instants in a document are
-- text of one width in UTC, so their order is the order of time.
create index connections_unconfirmed on projection.connections ((document -> 'enforcement' ->> 'confirm_by'))
    where document -> 'enforcement' ->> 'confirm_by' is not null
        and document -> 'enforcement' ->> 'confirmed' = 'false';
