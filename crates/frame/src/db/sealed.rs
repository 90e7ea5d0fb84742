//! Columns of sealed secrets, as data: where a secret's place in the vault comes from, and what is sealed
//! anew when the master key changes.

use std::fmt;

use kernel::{OrgId, Result, Sealed};
use uuid::Uuid;

use super::{Arg, Column, FromRow, PlatformScope, Row, session::composed};
use crate::App;

/// A column that holds sealed secrets.
pub struct SealedColumn {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// What tells its rows apart.
    pub key: RowKey,
    /// What the place of each of its secrets begins with.
    pub prefix: &'static str,
}

/// What tells the rows of a table apart; each names its column.
#[derive(Clone, Copy)]
pub enum RowKey {
    /// An id within an organization.
    InOrganization(&'static str),
    /// An id in the whole installation.
    Id(&'static str),
    /// A text.
    Text(&'static str),
}

impl SealedColumn {
    /// The place of a row's secret, which its ciphertext is bound to.
    pub fn place(&self, row: impl fmt::Display) -> String {
        format!("{}/{row}", self.prefix)
    }

    /// Seals every secret of the column with the first master key.
    pub async fn reseal(&self, app: &App) -> Result<usize> {
        let scope = PlatformScope::new(app.db.write());
        let count = match self.key {
            RowKey::InOrganization(key) => self.walk::<Uuid>(app, &scope, key, "org_id").await?,
            RowKey::Id(key) => self.walk::<Uuid>(app, &scope, key, NOBODY).await?,
            RowKey::Text(key) => self.walk::<String>(app, &scope, key, NOBODY).await?,
        };
        scope.session().commit().await?;
        Ok(count)
    }

    async fn walk<K>(&self, app: &App, scope: &PlatformScope, key: &str, org: &str) -> Result<usize>
    where
        K: Column + Into<Arg> + fmt::Display + Send,
    {
        let Self { table, column, .. } = self;
        let ring = app.vault.ring();
        let sql = format!(
            "SELECT {org} AS org_id, {key} AS key, {column} AS sealed FROM {table} WHERE {column} IS NOT NULL"
        );
        let rows: Vec<Held<K>> = scope.session().all(composed(sql), vec![]).await?;
        let count = rows.len();
        for Held { org_id, key: row, sealed } in rows {
            let place = self.place(&row);
            let secret = ring.open(&place, &sealed)?;
            let sealed: Sealed<Vec<u8>> = ring.seal(&*app.entropy, &place, secret.reveal())?;
            let mut sql = format!("UPDATE {table} SET {column} = $1 WHERE {key} = $2");
            let mut args = vec![Arg::from(&sealed), row.into()];
            if let Some(org) = org_id {
                sql.push_str(" AND org_id = $3");
                args.push(org.into());
            }
            scope.session().execute(composed(sql), args).await?;
        }
        Ok(count)
    }
}

/// In place of the organization, where there is none.
const NOBODY: &str = "CAST(NULL AS UUID)";

/// A secret and the row that holds it.
struct Held<K> {
    org_id: Option<OrgId>,
    key: K,
    sealed: Sealed<Vec<u8>>,
}

impl<K: Column + Send> FromRow for Held<K> {
    fn from_row(row: Row<'_>) -> Result<Self, sqlx::Error> {
        Ok(Self { org_id: row.get("org_id")?, key: row.get("key")?, sealed: row.get("sealed")? })
    }
}
