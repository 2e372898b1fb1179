-- Logout at the provider ends sessions here.

-- The sessions that rest on one session at a provider. Providers that tell none cost nothing.
create index sessions_by_provider_session on identity.sessions
    using gin (jsonb_path_query_array(data, '$.authentications[*].sid') jsonb_path_ops)
    where data @? '$.authentications[*].sid';

-- What signs the ID tokens that these credentials bring, as far as sign-ins have shown: it also signs the logout tokens.
create table identity.signing_algorithms (
    workspace      text not null references identity.workspaces (slug) on delete cascade,
    credentials_id varchar(64) not null,
    alg            varchar(20) not null,
    primary key (workspace, credentials_id)
);
