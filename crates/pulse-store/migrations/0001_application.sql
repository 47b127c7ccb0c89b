-- Times are Unix microseconds, truth values 0 or 1, documents JSON text, sealed values base64 text.
-- Plain SQL that PostgreSQL accepts as well: no BLOB, no AUTOINCREMENT, no STRICT.

CREATE TABLE settings (
    key        TEXT PRIMARY KEY,
    value      TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE secrets (
    key        TEXT PRIMARY KEY,
    sealed     TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE documents (
    kind       TEXT NOT NULL,
    id         TEXT NOT NULL,
    body       TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (kind, id)
);

CREATE TABLE nodes (
    uid           TEXT PRIMARY KEY,
    kind          TEXT NOT NULL,
    position      BIGINT NOT NULL,
    record        TEXT NOT NULL,
    password      TEXT NOT NULL,
    token_value   TEXT NOT NULL,
    proxy_token   TEXT NOT NULL,
    control_token TEXT NOT NULL
);

CREATE TABLE users (
    name             TEXT PRIMARY KEY,
    password_hash    TEXT NOT NULL,
    supersedes_env   TEXT,
    created_at       BIGINT NOT NULL,
    password_changed BIGINT NOT NULL
);

CREATE TABLE api_tokens (
    id           TEXT PRIMARY KEY,
    name         TEXT NOT NULL,
    hash         TEXT NOT NULL UNIQUE,
    prefix       TEXT NOT NULL,
    suffix       TEXT NOT NULL,
    scopes       TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT
);

CREATE TABLE env_token_suppressions (
    hash TEXT PRIMARY KEY
);

CREATE TABLE sessions (
    key         TEXT PRIMARY KEY,
    username    TEXT NOT NULL,
    kind        TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    lifetime    BIGINT NOT NULL,
    user_agent  TEXT NOT NULL,
    ip          TEXT NOT NULL
);

CREATE TABLE lockouts (
    key          TEXT PRIMARY KEY,
    failures     BIGINT NOT NULL,
    last_failure BIGINT NOT NULL,
    locked_until BIGINT
);

CREATE TABLE recovery_tokens (
    hash       TEXT PRIMARY KEY,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE agents (
    id         TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    hostname   TEXT NOT NULL,
    first_seen BIGINT NOT NULL,
    removed_at BIGINT,
    config     TEXT
);

CREATE TABLE audit_events (
    id       TEXT PRIMARY KEY,
    at       BIGINT NOT NULL,
    event    TEXT NOT NULL,
    username TEXT NOT NULL,
    ip       TEXT NOT NULL,
    path     TEXT NOT NULL,
    success  BIGINT NOT NULL,
    details  TEXT NOT NULL
);

CREATE INDEX audit_events_by_time ON audit_events (at, id);
