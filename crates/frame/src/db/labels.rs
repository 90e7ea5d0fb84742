//! The labels of every labelled collection, one row each, so that filters find them by index.

use kernel::{Id, Labels};

use super::{DbError, OrgScope, list::fold};
use crate::{args, org_sql};

impl OrgScope {
    /// Makes the labels of an object these and no others.
    pub async fn labels_set<T>(
        &self,
        collection: &str,
        owner: Id<T>,
        labels: &Labels,
    ) -> Result<(), DbError> {
        let sql = org_sql!("DELETE FROM labels WHERE org_id = $1 AND collection = $2 AND owner_id = $3");
        self.execute(sql, args![collection, owner]).await?;
        for (key, value) in &labels.0 {
            let sql = org_sql!(
                "INSERT INTO labels (org_id, collection, owner_id, key, value, value_folded) VALUES ($1, $2, $3, $4, $5, $6)"
            );
            self.execute(sql, args![collection, owner, key, value, fold(value)]).await?;
        }
        Ok(())
    }
}
