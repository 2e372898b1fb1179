-- The runtime role reads the log and adds to it through ledger.append, and can do nothing else to it.

revoke all on all tables in schema ledger from public;
revoke all on all functions in schema ledger from public;

grant select on
    ledger.migrations, ledger.events, ledger.streams, ledger.epochs, ledger.secrets, ledger.data_keys
    to keyledger_runtime;
grant execute on function ledger.append(text, bigint, text[], jsonb, int) to keyledger_runtime;
grant insert, delete on ledger.secrets to keyledger_runtime;
grant insert, update, delete on ledger.data_keys to keyledger_runtime;
