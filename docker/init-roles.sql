-- Run once by psql on a new database server, as its superuser, in the database keyledger.
-- keyledger_owner runs the migrations and owns everything; keyledger_app is what the service runs as and owns nothing.

\set ON_ERROR_STOP on
\set owner_password `cat /run/secrets/owner_password`
\set app_password `cat /run/secrets/app_password`

CREATE ROLE keyledger_owner LOGIN CREATEROLE PASSWORD :'owner_password';
CREATE ROLE keyledger_runtime NOLOGIN;
CREATE ROLE keyledger_app LOGIN PASSWORD :'app_password' IN ROLE keyledger_runtime;

ALTER DATABASE keyledger OWNER TO keyledger_owner;
REVOKE ALL ON DATABASE keyledger FROM PUBLIC;
GRANT CONNECT ON DATABASE keyledger TO keyledger_runtime;
