//! The two databases have one schema, but for what is listed here, and for the search index: tables of
//! their own on SQLite, an index of another kind on PostgreSQL.

use std::collections::BTreeSet;

use frame::args;
use latchkey::assemble;
use tests::{Engine, Fresh, TestApp, configuration, on_both, postgres_is_there, run};

/// Table, column, kind and whether it may be null; kinds in words that fit both.
const SQLITE_COLUMNS: &str = "SELECT m.name || '.' || p.name || ' ' || \
    CASE p.type WHEN 'INTEGER' THEN 'bigint' ELSE lower(p.type) END || \
    CASE WHEN p.\"notnull\" = 1 THEN '' ELSE ' null' END \
    FROM sqlite_schema m JOIN pragma_table_info(m.name) p \
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> '_sqlx_migrations' \
    AND m.name NOT LIKE '%\\_search%' ESCAPE '\\'";
const POSTGRES_COLUMNS: &str = "SELECT table_name || '.' || column_name || ' ' || \
    CASE WHEN data_type IN ('uuid', 'bytea') THEN 'blob' ELSE data_type END || \
    CASE is_nullable WHEN 'NO' THEN '' ELSE ' null' END \
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations'";

/// Table, columns of each index in order, and whether it is unique.
const SQLITE_INDEXES: &str = "SELECT m.name || ' (' || (SELECT group_concat(c.name, ', ') FROM \
    (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno) c) || ')' || \
    CASE i.\"unique\" WHEN 1 THEN ' unique' ELSE '' END \
    FROM sqlite_schema m JOIN pragma_index_list(m.name) i \
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> '_sqlx_migrations' \
    AND m.name NOT LIKE '%\\_search%' ESCAPE '\\'";
const POSTGRES_INDEXES: &str = "SELECT t.relname || ' (' || \
    (SELECT string_agg(a.attname, ', ' ORDER BY k.n) FROM unnest(i.indkey::int[]) WITH ORDINALITY k (attnum, n) \
     JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum) || ')' || \
    CASE WHEN i.indisunique THEN ' unique' ELSE '' END \
    FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace s ON s.oid = t.relnamespace \
    JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am a ON a.oid = x.relam \
    WHERE s.nspname = 'public' AND t.relname <> '_sqlx_migrations' AND a.amname = 'btree'";

/// Table, columns, and what they refer to.
const SQLITE_REFERENCES: &str = "SELECT m.name || ' (' || group_concat(f.\"from\", ', ') || ') to ' || f.\"table\" || \
    ' on delete ' || lower(f.on_delete) FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f \
    WHERE m.type = 'table' GROUP BY m.name, f.id, f.\"table\", f.on_delete";
const POSTGRES_REFERENCES: &str = "SELECT t.relname || ' (' || \
    (SELECT string_agg(a.attname, ', ' ORDER BY k.n) FROM unnest(c.conkey) WITH ORDINALITY k (attnum, n) \
     JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum) || ') to ' || r.relname || ' on delete ' || \
    CASE c.confdeltype WHEN 'c' THEN 'cascade' WHEN 'a' THEN 'no action' ELSE 'something else' END \
    FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class r ON r.oid = c.confrelid \
    WHERE c.contype = 'f'";

/// Text that PostgreSQL orders as some language does.
const POSTGRES_LANGUAGES: &str = "SELECT table_name || '.' || column_name FROM information_schema.columns \
    WHERE table_schema = 'public' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C' \
    AND table_name <> '_sqlx_migrations'";

/// What one has and the other has not.
fn differences(sqlite: Vec<String>, postgres: Vec<String>) -> Vec<String> {
    let (sqlite, postgres): (BTreeSet<_>, BTreeSet<_>) =
        (sqlite.into_iter().collect(), postgres.into_iter().collect());
    assert!(sqlite.len() > 10 && postgres.len() > 10, "the questions find nothing");
    let only_sqlite = sqlite.difference(&postgres).map(|what| format!("SQLite only: {what}"));
    only_sqlite.chain(postgres.difference(&sqlite).map(|what| format!("PostgreSQL only: {what}"))).collect()
}

async fn migrated(engine: Engine) -> Fresh {
    let fresh = Fresh::new(engine).await;
    let pool = frame::db::PoolSettings { connections: 1 };
    let db = frame::db::Db::open(&fresh.url, pool).await.expect("the database opens");
    db.migrate().await.expect("migrations apply");
    db.close().await;
    fresh
}

#[test]
fn both_databases_have_the_same_tables_columns_and_constraints() {
    if !postgres_is_there() {
        return;
    }
    run(async {
        let (sqlite, postgres) = (migrated(Engine::Sqlite).await, migrated(Engine::Postgres).await);
        let found = differences(sqlite.query(SQLITE_COLUMNS).await, postgres.query(POSTGRES_COLUMNS).await);
        // PostgreSQL announces changes and needs no table of them.
        let meant = ["changes.created_at bigint", "changes.org_id blob", "changes.seq bigint"];
        assert_eq!(found, meant.map(|what| format!("SQLite only: {what}")));

        // The row id of SQLite is its primary key and no index of its own, so both agree on the rest.
        let found = differences(sqlite.query(SQLITE_INDEXES).await, postgres.query(POSTGRES_INDEXES).await);
        assert_eq!(found, [""; 0]);
        let found =
            differences(sqlite.query(SQLITE_REFERENCES).await, postgres.query(POSTGRES_REFERENCES).await);
        assert_eq!(found, [""; 0]);
        // These are looked up, never ordered.
        let found: BTreeSet<String> = postgres.query(POSTGRES_LANGUAGES).await.into_iter().collect();
        let meant = [
            "list_chunks.collection",
            "list_closed.collection",
            "platform_keys.name",
            "role_descriptions.description",
            "role_descriptions.role_key",
            "role_descriptions.type_key",
        ];
        assert_eq!(found.into_iter().collect::<Vec<_>>(), meant);
    });
}

on_both! {
    /// A program does not touch what a newer one has migrated, whether it migrates itself or not; the
    /// message says what to do.
    async fn a_newer_schema_is_refused(engine: Engine) {
        let app = TestApp::new(engine).await;
        app.app.db.migrate().await.expect("nothing to do");
        let session = app.app.db.write();
        let sql = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                   VALUES (9999, 'from the future', true, $1, 0)";
        let platform = frame::db::PlatformScope::new(session.clone());
        platform.execute(sql, args![vec![0_u8]]).await.expect("a row");
        session.commit().await.expect("committed");

        let latest = frame::db::latest_schema();
        let expected = format!(
            "the database has schema 9999, but this Latchkey knows {latest} at most: run the newer Latchkey that \
             migrated it, or restore a backup"
        );
        let refused = app.app.db.migrate().await.expect_err("it is newer");
        assert_eq!(refused.to_string(), expected);
        let url = match &app.database.url {
            frame::db::DatabaseUrl::Postgres(url) => url.clone(),
            other => other.masked(),
        };
        for migrate in ["true", "false"] {
            let config = configuration(&[("DATABASE_URL", &url), ("MIGRATE", migrate)]);
            let refused = assemble::database(&config, config.migrate).await;
            assert_eq!(refused.err().as_deref(), Some(expected.as_str()), "migrate = {migrate}");
        }
    }
}
