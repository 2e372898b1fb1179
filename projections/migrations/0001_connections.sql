-- The connection read model: what the browser flow and support read. ledger.append writes it in the transaction of the
-- events that it follows from, and nobody else does.

create schema if not exists projection;
grant usage on schema projection to keyledger_runtime;

create table projection.connections (
    slug         text collate "C" primary key,
    name         text not null,
    plan         text not null,
    version      bigint not null,
    position     bigint not null,
    fold_version int not null,
    document     jsonb not null,
    updated_at   timestamptz not null,
    lapses_at    text collate "C",
    -- The position at which the document's domains were last written to sign_in_domains.
    domains_at   bigint not null default 0
) with (fillfactor = 70);

-- When an enforcement that nobody confirmed lapses. Instants in a document are text of one width in UTC, so their order
-- is the order of time.
create function projection.lapse_of(p_document jsonb) returns text
language sql immutable
as $$
    select case p_document #>> '{enforcement,confirmed}' when 'false' then p_document #>> '{enforcement,confirm_by}' end
$$;

-- Finds those without reading the others. On a column of its own: an index on the document would be written at every
-- append; and a plain column: PostgreSQL reads the expression of a generated one anew for every statement.
create index connections_lapsing on projection.connections (lapses_at) where lapses_at is not null;

-- Which workspaces a domain's people may sign in to by SSO: asked by the login page for a domain alone, so that it need
-- not read the other workspaces. Part of the same read model, and written with it.
create table projection.sign_in_domains (
    domain   text collate "C",
    slug     text collate "C",
    verified boolean not null,
    primary key (domain, slug)
);
create index sign_in_domains_by_slug on projection.sign_in_domains (slug);

create function projection.put_domains(p_slug text, p_document jsonb) returns void
language plpgsql
as $$
begin
    -- In one statement, which writes what differs and nothing else.
    with gone as (
        delete from projection.sign_in_domains d
        where d.slug = p_slug and not (p_document -> 'domains') ? d.domain
    )
    insert into projection.sign_in_domains as s (domain, slug, verified)
    select d.key, p_slug, d.value ->> 'verified' is not null from jsonb_each(p_document -> 'domains') d
    on conflict (domain, slug) do update set verified = excluded.verified where s.verified <> excluded.verified;
end
$$;

-- Writes a workspace's read model, its domains with it. Returns whether there was anything to write.
create function projection.put_connection(
    p_slug text, p_version bigint, p_position bigint, p_fold_version int, p_document jsonb
) returns boolean
language plpgsql
as $$
declare
    v_domains_differ boolean;
    v_written        boolean := true;
begin
    if p_fold_version is null or p_document ->> 'slug' is distinct from p_slug
        or (p_document ->> 'version')::bigint is distinct from p_version
    then
        raise exception 'The document is not the read model of % at version %.', p_slug, p_version
            using errcode = 'KL003';
    end if;
    -- A later state is never replaced by an earlier one; the same state may be folded anew by a newer fold. The append
    -- lock is held: nobody else writes the row, and to try the update first costs half of an upsert.
    update projection.connections c set
        name = p_document ->> 'name', plan = p_document ->> 'plan', version = p_version, position = p_position,
        fold_version = p_fold_version, document = p_document, updated_at = clock_timestamp(),
        lapses_at = projection.lapse_of(p_document),
        domains_at = case when c.document -> 'domains' = p_document -> 'domains' then c.domains_at else p_position end
    where c.slug = p_slug
        and (c.position < p_position or (c.position = p_position and c.fold_version <> p_fold_version))
    returning c.domains_at = p_position into v_domains_differ;
    if not found then
        insert into projection.connections (
            slug, name, plan, version, position, fold_version, document, updated_at, lapses_at, domains_at
        )
        values (
            p_slug, p_document ->> 'name', p_document ->> 'plan', p_version, p_position, p_fold_version, p_document,
            clock_timestamp(), projection.lapse_of(p_document), p_position
        )
        on conflict (slug) do nothing;
        v_written := found;
        v_domains_differ := found;
    end if;
    -- Few changes touch domains, and an append need not pay for the others.
    if v_domains_differ then
        perform projection.put_domains(p_slug, p_document);
    end if;
    return v_written;
end
$$;

revoke all on function projection.lapse_of(jsonb) from public;
revoke all on function projection.put_domains(text, jsonb) from public;
revoke all on function projection.put_connection(text, bigint, bigint, int, jsonb) from public;
grant select on projection.connections, projection.sign_in_domains to keyledger_runtime;
