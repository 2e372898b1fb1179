-- Shredding a workspace's secrets: its data key goes, and with it the one way to what was sealed under it. No other
-- statement of the runtime role deletes a data key; sealed secrets that were replaced go one by one, and the key stays.

create function ledger.shred_secrets(p_stream_id text, out data_key_ids uuid[], out secret_ids uuid[])
language sql security definer
set search_path = pg_catalog, pg_temp
begin atomic
    with secrets_gone as (
        delete from ledger.secrets where stream_id = p_stream_id returning secret_id
    ), keys_gone as (
        delete from ledger.data_keys where stream_id = p_stream_id returning data_key_id
    )
    select
        array(select data_key_id from keys_gone order by data_key_id),
        array(select secret_id from secrets_gone order by secret_id);
end;

revoke all on function ledger.shred_secrets(text) from public;
revoke delete on ledger.data_keys from keyledger_runtime;
grant execute on function ledger.shred_secrets(text) to keyledger_runtime;
