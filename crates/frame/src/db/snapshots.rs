//! Whole states of the database, kept and brought back, and organizations that go without a trace: for the stand-in,
//! which forgets on demand. The tables are found in the database's own catalogue, so that a new one is covered by
//! itself. What belongs to the installation and not to its state stays out: its keys, and the role catalogue's texts.

use kernel::{OrgId, Problem, Result};

use super::{Db, DbError, Engine, PlatformScope};
use crate::{args, from_row};

/// How often a script that lost against others is run again.
const ATTEMPTS: u32 = 6;

/// What is no state.
const INSTALLATION: [&str; 5] =
    ["_sqlx_migrations", "platform_keys", "signing_keys", "changes", "role_descriptions"];

struct Table {
    name: String,
    owned: bool,
}

from_row!(Table { name, owned });

struct Reference {
    child: String,
    parent: String,
}

from_row!(Reference { child, parent });

/// The tables of the state: those that others refer to first, those that triggers keep last.
async fn tables(db: &Db) -> Result<Vec<Table>> {
    let platform = PlatformScope::new(db.read());
    let sql = if db.is_postgres() {
        "SELECT t.tablename::text AS name, EXISTS (SELECT 1 FROM information_schema.columns c \
         WHERE c.table_schema = t.schemaname AND c.table_name = t.tablename AND c.column_name = 'org_id') AS owned \
         FROM pg_tables t WHERE t.schemaname = current_schema() ORDER BY 1"
    } else {
        "SELECT t.name AS name, EXISTS (SELECT 1 FROM pragma_table_info(t.name) c WHERE c.name = 'org_id') AS owned \
         FROM sqlite_master t WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name NOT LIKE '%\\_search%' \
         ESCAPE '\\' ORDER BY 1"
    };
    let mut left: Vec<Table> = platform.all(sql, args![]).await?;
    left.retain(|table| !INSTALLATION.contains(&&*table.name));
    let references: Vec<Reference> = if db.is_postgres() {
        let sql = "SELECT r.conrelid::regclass::text AS child, r.confrelid::regclass::text AS parent \
                   FROM pg_constraint r WHERE r.contype = 'f' AND r.conrelid <> r.confrelid";
        platform.all(sql, args![]).await?
    } else {
        // SQLite is told to look at references when all is in place.
        Vec::new()
    };
    let mut ordered: Vec<Table> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let waits = |table: &Table, left: &[Table]| {
            let mut parents = references.iter().filter(|it| it.child == table.name).map(|it| &it.parent);
            parents.any(|parent| left.iter().any(|other| other.name == *parent))
        };
        let ready = left.iter().position(|table| !waits(table, &left));
        let ready = ready.ok_or_else(|| Problem::internal("tables refer to one another in a circle"))?;
        ordered.push(left.remove(ready));
    }
    let (kept_by_triggers, mut rest): (Vec<_>, Vec<_>) =
        ordered.into_iter().partition(|table| table.name.starts_with("list_"));
    rest.extend(kept_by_triggers);
    Ok(rest)
}

/// Where the copy of a table is.
fn copy(db: &Db, snapshot: &str, table: &str) -> String {
    let place = if db.is_postgres() { format!("\"snapshot {snapshot}\".") } else { "temp.".to_owned() };
    if db.is_postgres() { format!("{place}\"{table}\"") } else { format!("{place}\"{snapshot} {table}\"") }
}

/// Whether this can name a snapshot.
pub fn is_snapshot_name(name: &str) -> bool {
    (1..=40).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

impl Db {
    /// Keeps the state under a name, in place of an earlier one. On SQLite it lives as long as the process.
    pub async fn snapshot_take(&self, name: &str) -> Result<()> {
        assert!(is_snapshot_name(name), "the name of a snapshot is checked where it comes in");
        let mut script = String::new();
        if self.is_postgres() {
            script.push_str(&format!(
                "DROP SCHEMA IF EXISTS \"snapshot {name}\" CASCADE; CREATE SCHEMA \"snapshot {name}\";"
            ));
        }
        for Table { name: table, .. } in tables(self).await? {
            let copy = copy(self, name, &table);
            if self.is_postgres() {
                script.push_str(&format!("CREATE TABLE {copy} AS TABLE {table};"));
            } else {
                script.push_str(&format!(
                    "DROP TABLE IF EXISTS {copy}; CREATE TABLE {copy} AS SELECT * FROM main.{table};"
                ));
            }
        }
        self.script(script).await
    }

    /// Brings a state back.
    pub async fn snapshot_restore(&self, name: &str) -> Result<()> {
        assert!(is_snapshot_name(name), "the name of a snapshot is checked where it comes in");
        let (tables, mut script) = (tables(self).await?, String::new());
        self.alone(&tables, &mut script);
        for Table { name: table, .. } in tables.iter().rev() {
            script.push_str(&format!("DELETE FROM {table};"));
        }
        for Table { name: table, .. } in &tables {
            let (copy, given) =
                (copy(self, name, table), if self.is_postgres() { "OVERRIDING SYSTEM VALUE" } else { "" });
            if table.starts_with("list_") {
                // Triggers have counted what was put back.
                script.push_str(&format!("DELETE FROM {table};"));
            }
            script.push_str(&format!("INSERT INTO {table} {given} SELECT * FROM {copy};"));
        }
        self.script(script).await
    }

    /// Forgets a state.
    pub async fn snapshot_drop(&self, name: &str) -> Result<()> {
        assert!(is_snapshot_name(name), "the name of a snapshot is checked where it comes in");
        if self.is_postgres() {
            return self.script(format!("DROP SCHEMA IF EXISTS \"snapshot {name}\" CASCADE")).await;
        }
        let tables = tables(self).await?;
        let drops =
            tables.iter().map(|table| format!("DROP TABLE IF EXISTS {};", copy(self, name, &table.name)));
        self.script(drops.collect()).await
    }

    /// Takes every row of an organization away, and those of its people who are nowhere else.
    pub async fn organization_purge(&self, org: OrgId) -> Result<()> {
        let mut script = String::new();
        let id =
            if self.is_postgres() { format!("'{org}'::uuid") } else { format!("X'{}'", org.uuid().simple()) };
        let tables = tables(self).await?;
        script.push_str(&format!(
            "CREATE TEMP TABLE leaving AS SELECT DISTINCT person_id FROM accounts WHERE org_id = {id};"
        ));
        let (last, first): (Vec<_>, Vec<_>) = tables
            .iter()
            .rev()
            .filter(|table| table.owned)
            .partition(|table| table.name.starts_with("list_"));
        for Table { name, .. } in first.into_iter().chain(last) {
            script.push_str(&format!("DELETE FROM {name} WHERE org_id = {id};"));
        }
        script.push_str(
            "DELETE FROM persons WHERE id IN (SELECT person_id FROM leaving) \
             AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.person_id = persons.id);\
             DROP TABLE leaving;",
        );
        self.script(script).await
    }

    /// Lets nobody else write meanwhile, where there can be others.
    fn alone(&self, tables: &[Table], script: &mut String) {
        if self.is_postgres() {
            let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
            script.insert_str(0, &format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE;", names.join(", ")));
        }
    }

    /// Runs statements in one transaction of their own, again if it lost against others.
    async fn script(&self, sql: String) -> Result<()> {
        for _ in 0..ATTEMPTS {
            match self.script_once(sql.clone()).await.map_err(DbError::from) {
                // Somebody wrote meanwhile what refers to what goes.
                Err(DbError::Again | DbError::Reference) => {}
                result => return result.map_err(Problem::from),
            }
        }
        Err(Problem::Again)
    }

    async fn script_once(&self, sql: String) -> Result<(), sqlx::Error> {
        match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.script(sql).await,
            Engine::Postgres(pool) => {
                let mut transaction = pool.begin().await?;
                sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut *transaction).await?;
                transaction.commit().await
            }
        }
    }

    /// Forgets what an earlier process has kept and nobody knows any more.
    pub async fn snapshots_forget(&self) -> Result<()> {
        if !self.is_postgres() {
            return Ok(());
        }
        let sql = "SELECT nspname::text AS value FROM pg_namespace WHERE nspname LIKE 'snapshot %'";
        let all: Vec<(Option<String>,)> = PlatformScope::new(self.read()).all(sql, args![]).await?;
        let drops = all.into_iter().flat_map(|(name,)| name);
        self.script(drops.map(|name| format!("DROP SCHEMA \"{name}\" CASCADE;")).collect()).await
    }
}
