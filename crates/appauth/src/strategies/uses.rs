//! What uses a strategy: the one table from which follow whether a strategy is active, whether a provider
//! is, and whether a strategy can be deleted.
//!
//! Whoever lets something use a strategy writes its use in the same transaction, and drops it with it:
//! portals do for the strategy that is their default, publications of APIs and versions of products in portals for
//! the one that applications are made with, applications for their own.

use frame::{
    args,
    db::{DbError, FromRow, OrgScope, OrgSql, Row},
    org_sql,
};
use kernel::{ApiId, Id, PortalId, ProductId, ProductVersionId, StrategyId};

/// A kind of thing that uses strategies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UseKind {
    /// A version of a product in a portal.
    ProductVersion,
    /// The publication of an API or a package of APIs in a portal.
    Publication,
    /// A portal whose applications use the strategy unless something else is said.
    PortalDefault,
    /// An application.
    Application,
}

impl UseKind {
    const ALL: [Self; 4] = [Self::ProductVersion, Self::Publication, Self::PortalDefault, Self::Application];

    /// As it is stored.
    const fn name(self) -> &'static str {
        match self {
            Self::ProductVersion => "portal-product-version",
            Self::Publication => "api-publication",
            Self::PortalDefault => "portal-default",
            Self::Application => "application",
        }
    }

    /// As people are told.
    const fn words(self) -> &'static str {
        match self {
            Self::ProductVersion => "product version",
            Self::Publication => "API publication",
            Self::PortalDefault => "default of a portal",
            Self::Application => "application",
        }
    }
}

/// A use of a strategy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Use {
    /// What kind of thing uses it.
    pub kind: UseKind,
    /// Which.
    pub used_by: Id<()>,
    /// Whether that is published, so that the strategy is active.
    pub published: bool,
    /// What people know it by.
    pub label: String,
}

/// What several uses are of, all at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Uses {
    /// By the publications of an API.
    OfApi(ApiId),
    /// By the versions of a product in portals.
    OfProduct(ProductId),
    /// By a version of a product in portals.
    OfVersion(ProductVersionId),
    /// By what is published in a portal.
    InPortal(PortalId),
}

/// Declares statements on the uses by publications, or by versions of products, that a condition tells.
macro_rules! uses {
    (drop publications $condition:literal) => {
        org_sql!(
            "DELETE FROM strategy_uses WHERE org_id = $1 AND kind = 'api-publication' AND used_by IN ",
            "(SELECT p.id FROM api_publications p WHERE p.org_id = $1 AND ", $condition, ")"
        )
    };
    (rename publications $condition:literal) => {
        org_sql!(
            "UPDATE strategy_uses SET label = (SELECT p.api_name || ' in ' || p.portal_name FROM api_publications p ",
            "WHERE p.org_id = $1 AND p.id = strategy_uses.used_by) ",
            "WHERE org_id = $1 AND kind = 'api-publication' AND used_by IN ",
            "(SELECT p.id FROM api_publications p WHERE p.org_id = $1 AND ", $condition, ")"
        )
    };
    (drop versions $condition:literal) => {
        org_sql!(
            "DELETE FROM strategy_uses WHERE org_id = $1 AND kind = 'portal-product-version' AND used_by IN ",
            "(SELECT p.id FROM portal_product_versions p WHERE p.org_id = $1 AND ", $condition, ")"
        )
    };
    (rename versions $condition:literal) => {
        org_sql!(
            "UPDATE strategy_uses SET label = (SELECT a.name || ' ' || v.name || ' in ' || o.name ",
            "FROM portal_product_versions p ",
            "JOIN product_versions v ON v.org_id = p.org_id AND v.id = p.product_version_id ",
            "JOIN products a ON a.org_id = p.org_id AND a.id = v.product_id ",
            "JOIN portals o ON o.org_id = p.org_id AND o.id = p.portal_id ",
            "WHERE p.org_id = $1 AND p.id = strategy_uses.used_by) ",
            "WHERE org_id = $1 AND kind = 'portal-product-version' AND used_by IN ",
            "(SELECT p.id FROM portal_product_versions p WHERE p.org_id = $1 AND ", $condition, ")"
        )
    };
}

impl FromRow for Use {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        let kind: String = row.get("kind")?;
        let kind = UseKind::ALL.into_iter().find(|known| known.name() == kind);
        Ok(Self {
            kind: kind.ok_or_else(|| frame::sqlx::Error::Decode("no kind of use".into()))?,
            used_by: row.get("used_by")?,
            published: row.get("published")?,
            label: row.get("label")?,
        })
    }
}

/// Whether something published uses the strategy in the row `t`.
macro_rules! active {
    () => {
        "EXISTS (SELECT 1 FROM strategy_uses u \
         WHERE u.org_id = t.org_id AND u.strategy_id = t.id AND u.published = true)"
    };
}
pub(crate) use active;

/// Notes a use, or what has changed of it. Fails with a broken reference if there is no such strategy.
pub async fn use_put(db: &OrgScope, strategy: StrategyId, it: &Use) -> Result<(), DbError> {
    let sql = org_sql!(
        "INSERT INTO strategy_uses (org_id, strategy_id, kind, used_by, published, label) VALUES ($1, $2, $3, $4, $5, $6) ",
        "ON CONFLICT (org_id, strategy_id, kind, used_by) DO UPDATE SET published = $5, label = $6"
    );
    db.execute(sql, args![strategy, it.kind.name(), it.used_by, it.published, &it.label]).await.map(|_| ())
}

/// Drops the uses by a thing.
pub async fn use_drop(db: &OrgScope, kind: UseKind, used_by: Id<()>) -> Result<u64, DbError> {
    let sql = org_sql!("DELETE FROM strategy_uses WHERE org_id = $1 AND kind = $2 AND used_by = $3");
    db.execute(sql, args![kind.name(), used_by]).await
}

/// Runs the statements that each kind of uses needs; how many uses that were.
async fn use_all(db: &OrgScope, id: Id<()>, statements: &[OrgSql]) -> Result<u64, DbError> {
    let mut count = 0;
    for sql in statements {
        count += db.execute(*sql, args![id]).await?;
    }
    Ok(count)
}

/// Drops several uses, by things that are deleted after that.
pub async fn use_drop_all(db: &OrgScope, uses: Uses) -> Result<u64, DbError> {
    match uses {
        Uses::OfApi(id) => use_all(db, bare(id), &[uses!(drop publications "p.api_id = $2")]).await,
        Uses::OfProduct(id) => {
            let sql = uses!(drop versions "p.product_version_id IN (SELECT v.id FROM product_versions v WHERE v.org_id = $1 AND v.product_id = $2)");
            use_all(db, bare(id), &[sql]).await
        }
        Uses::OfVersion(id) => {
            use_all(db, bare(id), &[uses!(drop versions "p.product_version_id = $2")]).await
        }
        Uses::InPortal(id) => {
            let both = [uses!(drop publications "p.portal_id = $2"), uses!(drop versions "p.portal_id = $2")];
            use_all(db, bare(id), &both).await
        }
    }
}

/// Puts new names into several uses.
pub async fn use_rename_all(db: &OrgScope, uses: Uses) -> Result<u64, DbError> {
    match uses {
        Uses::OfApi(id) => use_all(db, bare(id), &[uses!(rename publications "p.api_id = $2")]).await,
        Uses::OfProduct(id) => {
            let sql = uses!(rename versions "p.product_version_id IN (SELECT v.id FROM product_versions v WHERE v.org_id = $1 AND v.product_id = $2)");
            use_all(db, bare(id), &[sql]).await
        }
        Uses::OfVersion(id) => {
            use_all(db, bare(id), &[uses!(rename versions "p.product_version_id = $2")]).await
        }
        Uses::InPortal(id) => {
            let both =
                [uses!(rename publications "p.portal_id = $2"), uses!(rename versions "p.portal_id = $2")];
            use_all(db, bare(id), &both).await
        }
    }
}

/// An id of whatever.
const fn bare<T>(id: Id<T>) -> Id<()> {
    Id::from_uuid(id.uuid())
}

/// How many uses a strategy has.
pub(super) async fn use_count(db: &OrgScope, strategy: StrategyId) -> Result<i64, DbError> {
    let sql = org_sql!("SELECT COUNT(*) AS value FROM strategy_uses WHERE org_id = $1 AND strategy_id = $2");
    db.count(sql, args![strategy]).await
}

/// How many things of a kind use a strategy.
pub(super) async fn use_count_of(db: &OrgScope, strategy: StrategyId, kind: UseKind) -> Result<i64, DbError> {
    let sql = org_sql!(
        "SELECT COUNT(*) AS value FROM strategy_uses WHERE org_id = $1 AND strategy_id = $2 AND kind = $3"
    );
    db.count(sql, args![strategy, kind.name()]).await
}

/// How many uses a refusal names.
const NAMED: usize = 5;

/// Some uses of a strategy, by kind and name.
async fn use_some(db: &OrgScope, strategy: StrategyId) -> Result<Vec<Use>, DbError> {
    let sql = org_sql!(
        "SELECT kind, used_by, published, label FROM strategy_uses WHERE org_id = $1 AND strategy_id = $2 ",
        "ORDER BY kind, label, used_by LIMIT $3"
    );
    db.all(sql, args![strategy, i64::try_from(NAMED).unwrap_or(i64::MAX)]).await
}

/// What keeps a strategy from being deleted, in words.
pub(super) async fn use_refusal(db: &OrgScope, strategy: StrategyId) -> Result<Option<String>, DbError> {
    let count = use_count(db, strategy).await?;
    if count == 0 {
        return Ok(None);
    }
    let some = use_some(db, strategy).await?;
    let named: Vec<String> = some.iter().map(|it| format!("[{}] ({})", it.label, it.kind.words())).collect();
    let more = usize::try_from(count).unwrap_or(usize::MAX).saturating_sub(named.len());
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    Ok(Some(format!("The strategy is used by {}{rest}", named.join(", "))))
}
