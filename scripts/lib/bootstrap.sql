-- Creates what a managed PostgreSQL server provides: a login that is not a superuser, and an empty
-- database with the extension that only a superuser may create. Everything else (the query role,
-- schemas, policies) is created by `zava-mcp-server migrate`, which logs in as that admin.
-- Run by scripts/lib/postgres.sh as superuser at every start; idempotent.
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
