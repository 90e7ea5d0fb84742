//! What applications are registered for: an API that is published in their portal, or a version of a product that is,
//! and how a portal offers it.

use frame::{
    args,
    db::{DbError, FromRow, OrgScope, Row},
    org_sql,
};
use kernel::{ApiId, Id, PortalId, ProductId, ProductVersionId, Result, StrategyId};
use serde_json::{Value, json};

/// A kind of what applications are registered for. Its operations see its registrations, and no others.
pub trait Target: Clone + Send + Sync {
    /// Which.
    type Key: Copy + Send + Sync;
    /// What names it in bodies.
    const BY: &'static str;
    /// What it is called.
    const NOUN: &'static str;
    /// One of them.
    const ONE: &'static str;
    /// The same at the beginning of a sentence.
    const TITLE: &'static str;
    /// The same of one that is published.
    const PUBLISHED: &'static str;
    /// Whether it is an API.
    const IS_API: bool;

    /// Its id, whatever it is.
    fn id(&self) -> Id<()>;
    /// The same of one that is named.
    fn bare(key: Self::Key) -> Id<()>;
    /// What developers have roles on: the API, or the version's product.
    fn service(&self) -> Id<()>;
    /// As the audit log has it.
    fn told(&self) -> (&'static str, Value);
    /// Reads it beside a registration.
    fn read(row: Row<'_>) -> Result<Self, frame::sqlx::Error>;
    /// What a portal says of it; nothing if it is not published there.
    fn offered(
        db: &OrgScope,
        portal: PortalId,
        key: Self::Key,
    ) -> impl Future<Output = Result<Option<Offer<Self>>, DbError>> + Send;
}

/// How a portal offers something.
pub struct Offer<T> {
    /// What.
    pub target: T,
    /// What applications for it are made with; nothing if it needs none.
    pub strategy: Option<StrategyId>,
    /// Whether everybody finds it there, whatever roles they have.
    pub public: bool,
    /// Whether applications can be registered for it now.
    pub open: bool,
    /// Whether that needs nobody's approval.
    pub approved_by_itself: bool,
}

impl<T: Target> FromRow for Offer<T> {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        Ok(Self {
            target: T::read(row)?,
            strategy: row.get("strategy_id")?,
            public: row.get("public")?,
            open: row.get("open")?,
            approved_by_itself: row.get("approved_by_itself")?,
        })
    }
}

/// An API.
#[derive(Clone)]
pub struct OfApi {
    /// Its id.
    pub id: ApiId,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Its name in addresses.
    pub slug: Option<String>,
}

impl Target for OfApi {
    type Key = ApiId;
    const BY: &'static str = "api_id";
    const NOUN: &'static str = "API";
    const ONE: &'static str = "an API";
    const TITLE: &'static str = "API";
    const PUBLISHED: &'static str = "Published API";
    const IS_API: bool = true;

    fn id(&self) -> Id<()> {
        Self::bare(self.id)
    }

    fn bare(key: ApiId) -> Id<()> {
        Id::from_uuid(key.uuid())
    }

    fn service(&self) -> Id<()> {
        self.id()
    }

    fn told(&self) -> (&'static str, Value) {
        ("api", json!({ "id": self.id, "name": self.name }))
    }

    fn read(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        Ok(Self {
            id: row.get("api_id")?,
            name: row.get("api_name")?,
            version: row.get("api_version")?,
            slug: row.get("api_slug")?,
        })
    }

    async fn offered(db: &OrgScope, portal: PortalId, api: ApiId) -> Result<Option<Offer<Self>>, DbError> {
        let sql = org_sql!(
            "SELECT a.id AS api_id, a.name AS api_name, a.version AS api_version, a.slug AS api_slug, p.strategy_id, ",
            "p.visibility = 'public' AS public, true AS open, p.auto_approve_registrations AS approved_by_itself FROM api_publications p ",
            "JOIN apis a ON a.org_id = p.org_id AND a.id = p.api_id ",
            "WHERE p.org_id = $1 AND p.portal_id = $2 AND p.api_id = $3"
        );
        db.optional(sql, args![portal, api]).await
    }
}

/// A version of a product.
#[derive(Clone)]
pub struct OfVersion {
    /// Its id.
    pub id: ProductVersionId,
    /// Its name.
    pub name: String,
    /// Its product.
    pub product_id: ProductId,
    /// The product's name.
    pub product_name: String,
}

impl Target for OfVersion {
    type Key = ProductVersionId;
    const BY: &'static str = "product_version_id";
    const NOUN: &'static str = "product version";
    const ONE: &'static str = "a product version";
    const TITLE: &'static str = "Product version";
    const PUBLISHED: &'static str = "Published product version";
    const IS_API: bool = false;

    fn id(&self) -> Id<()> {
        Self::bare(self.id)
    }

    fn bare(key: ProductVersionId) -> Id<()> {
        Id::from_uuid(key.uuid())
    }

    fn service(&self) -> Id<()> {
        Id::from_uuid(self.product_id.uuid())
    }

    fn told(&self) -> (&'static str, Value) {
        let product = json!({ "id": self.product_id, "name": self.product_name });
        ("product_version", json!({ "id": self.id, "name": self.name, "product": product }))
    }

    fn read(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        Ok(Self {
            id: row.get("product_version_id")?,
            name: row.get("product_version_name")?,
            product_id: row.get("product_id")?,
            product_name: row.get("product_name")?,
        })
    }

    /// Its product has to be published there, too: developers find versions by their products.
    async fn offered(
        db: &OrgScope,
        portal: PortalId,
        version: ProductVersionId,
    ) -> Result<Option<Offer<Self>>, DbError> {
        let sql = org_sql!(
            "SELECT v.id AS product_version_id, v.name AS product_version_name, a.id AS product_id, a.name AS product_name, ",
            "p.strategy_id, false AS public, p.application_registration_enabled AS open, p.auto_approve_registration AS approved_by_itself ",
            "FROM portal_product_versions p ",
            "JOIN product_versions v ON v.org_id = p.org_id AND v.id = p.product_version_id ",
            "JOIN products a ON a.org_id = p.org_id AND a.id = v.product_id ",
            "JOIN product_portals o ON o.org_id = p.org_id AND o.product_id = a.id AND o.portal_id = p.portal_id ",
            "WHERE p.org_id = $1 AND p.portal_id = $2 AND p.product_version_id = $3 AND p.publish_status = 'published'"
        );
        db.optional(sql, args![portal, version]).await
    }
}
