-- What a managed PostgreSQL server gives its customer: a login that is no superuser, and an empty database with
-- the extension that only a superuser may create. Everything else (the query role, schemas, policies) is made by
-- `zava-mcp-server migrate`, which logs in as that admin.
-- Run by scripts/lib/postgres.sh as superuser, at every start: it changes nothing that is already so.
-- Environment: POSTGRES_DB, POSTGRES_ADMIN_USER, POSTGRES_ADMIN_PASSWORD.
\set ON_ERROR_STOP on
\getenv database POSTGRES_DB
\getenv admin POSTGRES_ADMIN_USER
\getenv password POSTGRES_ADMIN_PASSWORD

SELECT format('CREATE ROLE %I', :'admin')
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = :'admin')
\gexec
ALTER ROLE :"admin" LOGIN CREATEROLE CREATEDB NOSUPERUSER NOBYPASSRLS PASSWORD :'password';

SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'admin')
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = :'database')
\gexec
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;

\connect :"database"
CREATE EXTENSION IF NOT EXISTS vector;
