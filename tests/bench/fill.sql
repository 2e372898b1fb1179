-- Fills a log with real events through ledger.append, on the server, so that a million of them take minutes.
create schema if not exists bench;

create or replace function bench.canonical(p_type text, p_data text) returns text language sql volatile as $$
    select format(
        '{"actor":{"id":"klt_0192f0a1","type":"token"},"causation_id":null,"correlation_id":null,"data":%s,'
        '"event_id":"%s","idempotency_key":null,"reason":"asked for by the customer","requested_by":null,'
        '"schema_version":1,"ticket":"T-1024","type":"%s"}', p_data, gen_random_uuid(), p_type)
$$;

create or replace function bench.document(p_document jsonb, p_slug text, p_version bigint) returns jsonb
language sql immutable as $$ select p_document || jsonb_build_object('slug', p_slug, 'version', p_version) $$;

-- Registers workspaces with these numbers, one event each.
create or replace procedure bench.register(p_from bigint, p_to bigint, p_document jsonb, p_fold int)
language plpgsql as $$
declare
    v_slug text;
begin
    for v_number in p_from .. p_to loop
        v_slug := 'w' || v_number;
        insert into identity.workspaces (slug) values (v_slug);
        perform ledger.append(
            v_slug, 0,
            array[bench.canonical('WorkspaceRegistered', format('{"name":"Bench","plan":"one","slug":"%s"}', v_slug))],
            bench.document(p_document, v_slug, 1), p_fold
        );
        if v_number % 1000 = 0 then
            commit;
        end if;
    end loop;
    commit;
end
$$;

-- Appends that many domains' comings and goings to each of the registered workspaces, in rounds of a hundred.
create or replace procedure bench.change(p_from bigint, p_to bigint, p_rounds int, p_document jsonb, p_fold int)
language plpgsql as $$
declare
    v_slug text;
    v_version bigint;
begin
    for v_number in p_from .. p_to loop
        v_slug := 'w' || v_number;
        for v_round in 1 .. p_rounds loop
            select version into v_version from ledger.streams where stream_id = v_slug;
            perform ledger.append(
                v_slug, v_version,
                (
                    select array_agg(
                        bench.canonical(
                            case n % 2 when 1 then 'DomainAdded' else 'DomainRemoved' end,
                            format('{"domain":"d%s.example"}', (n + 1) / 2)
                        ) order by n
                    ) from generate_series(1, 100) n
                ),
                bench.document(p_document, v_slug, v_version + 100), p_fold
            );
        end loop;
        commit;
    end loop;
end
$$;
