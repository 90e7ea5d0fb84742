//! Applications: what developers call APIs with. Each has one strategy, which decides how it comes by credentials:
//! keys made here, a client that its developer brings, or a client that a DCR provider makes for it.
//!
//! An organization and a developer do the same with applications and see them differently: `admin.rs` and
//! `developer.rs` have the bodies and the replies, `classic.rs` and `classic_own.rs` their older ones, `lifecycle.rs`
//! what happens, which is written down in transactions of its own, since a provider is asked in between.

pub mod admin;
pub mod classic;
pub mod classic_own;
pub mod credentials;
pub mod developer;
pub mod http;
pub mod keys;
pub mod lifecycle;
pub mod registered;
pub mod store;
pub mod strategy;

use kernel::{
    ApplicationId, DeveloperId, Fault, Id, Labels, PortalId, PortalTeamId, StrategyId, Timestamp,
    query::{Collection, Field, Kind, Ops},
    rules::{Faults, List, Rule, Text, text},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;

use strategy::StrategyOf;

/// An application as it is stored.
#[derive(Clone)]
pub struct Application {
    /// Its id.
    pub id: ApplicationId,
    /// Its portal.
    pub portal_id: PortalId,
    /// Its name; two may have the same.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whose it is.
    pub owner: Owner,
    /// How it comes by credentials.
    pub strategy: StrategyOf,
    /// The client that its tokens name, if it has one and that is known.
    pub client_id: Option<String>,
    /// Where its users are sent back to.
    pub redirect_uri: Option<String>,
    /// The scopes that its developer chose.
    pub scopes: Vec<String>,
    /// Its labels.
    pub labels: Labels,
    /// For how many APIs it is registered, or wants to be.
    pub registration_count: i64,
    /// For how many versions of products.
    pub version_registration_count: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Whose an application is (contract: `ApplicationOwner`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Owner {
    /// What kind of owner.
    #[serde(rename = "type")]
    #[schemars(extend("enum" = OWNER_TYPES))]
    pub kind: &'static str,
    /// Which.
    pub id: Id<()>,
}

/// The kinds of owners.
pub const OWNER_TYPES: &[&str] = &[DEVELOPER, TEAM];
const DEVELOPER: &str = "developer";
const TEAM: &str = "team";

impl Owner {
    /// One developer.
    pub fn of_developer(id: DeveloperId) -> Self {
        Self { kind: DEVELOPER, id: Id::from_uuid(id.uuid()) }
    }

    /// A team of developers.
    pub fn of_team(id: PortalTeamId) -> Self {
        Self { kind: TEAM, id: Id::from_uuid(id.uuid()) }
    }

    /// The developer, if it is one.
    pub fn developer(self) -> Option<DeveloperId> {
        (self.kind == DEVELOPER).then(|| DeveloperId::from_uuid(self.id.uuid()))
    }

    /// The team, if it is one.
    pub fn team(self) -> Option<PortalTeamId> {
        (self.kind == TEAM).then(|| PortalTeamId::from_uuid(self.id.uuid()))
    }
}

/// The kind of what lies in a portal, as permissions name it.
pub(crate) fn place(portal: PortalId, id: ApplicationId) -> String {
    format!("portals/{portal}/applications/{id}")
}

/// What an organization can filter and sort applications by.
pub static OF_PORTAL: Collection = Collection::numbered(
    "applications",
    &[
        Field::text("name", Ops::STRING).sortable(),
        Field::new("developer_id", Kind::Id, Ops::UUID),
        Field::new("team_id", Kind::Id, Ops::UUID),
        Field::new("auth_strategy_id", Kind::Id, Ops::UUID).column("strategy_id"),
        Field::order("created_at", Kind::Time),
        Field::order("updated_at", Kind::Time),
    ],
);

/// What a developer can filter and sort applications by.
pub static OF_DEVELOPER: Collection = Collection::numbered(
    "own-applications",
    &[
        Field::text("name", Ops::EQ_CONTAINS).sortable(),
        Field::new("team_id", Kind::Id, Ops::UUID),
        Field::new("auth_strategy_id", Kind::Id, Ops::UUID).column("strategy_id"),
        Field::order("created_at", Kind::Time),
        Field::order("updated_at", Kind::Time),
    ],
);

/// What the developers who have an application can be filtered and sorted by.
pub static WHO: Collection =
    Collection::numbered("application-developers", &[Field::new("id", Kind::Id, Ops::UUID).sortable()]);

/// The rule of a name.
pub(crate) const NAME: Text = text(1, 255);
/// The rule of a description.
pub(crate) const DESCRIPTION: Text = text(0, 255);
/// The rule of a client's id: as OAuth has it (RFC 6749 appendix A.1), and no longer than the contract says.
pub(crate) const CLIENT_ID: Text = text(1, 255);
/// The rule of chosen scopes.
pub(crate) const SCOPES: List<Text> = List { item: text(1, 128), least: 0, most: 50, distinct: true };

/// Most applications of one developer.
pub(crate) const MOST: usize = 500;

/// Where an application's users are sent back to: an absolute address without a fragment (RFC 6749 section
/// 3.1.2). Applications that are no web sites have schemes of their own (RFC 8252 section 7.1); none of them may
/// be one that a browser runs.
pub(crate) struct RedirectUri;

/// Longest.
const LONGEST: usize = 2048;

impl Rule for RedirectUri {
    type Out = String;
    fn read(&self, value: &Value) -> Result<String, Faults> {
        let no = |fault| Err(vec![(None, fault)]);
        let Some(text) = value.as_str() else { return no(Fault::NotAString) };
        if text.chars().count() > LONGEST {
            return no(Fault::TooLong(LONGEST));
        }
        let plain = |c: char| c.is_ascii_graphic() && c != '\\';
        if text.starts_with("http") {
            // As everywhere: with a host, and nobody's name in front of it.
            kernel::rules::Url(LONGEST).read(value)?;
        }
        let Ok(url) = Url::parse(text) else { return no(Fault::NotAUrl) };
        let runs = ["javascript", "data", "vbscript", "blob", "file", "about"].contains(&url.scheme());
        if runs || !text.chars().all(plain) {
            return no(Fault::NotAUrl);
        }
        if url.fragment().is_some() {
            return no(Fault::Rule("must have no fragment".to_owned()));
        }
        Ok(text.to_owned())
    }
    fn schema(&self) -> Value {
        json!({ "type": "string", "format": "uri", "maxLength": LONGEST })
    }
}

/// What is asked of a new application, whoever asks.
pub struct NewApplication {
    /// Its portal.
    pub portal: PortalId,
    /// Whose it is.
    pub owner: Owner,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// How it comes by credentials.
    pub strategy: StrategyId,
    /// The client that its developer brings.
    pub client_id: Option<String>,
    /// The client that the provider has already.
    pub dcr_client_id: Option<String>,
    /// Where its users are sent back to.
    pub redirect_uri: Option<String>,
    /// The scopes that its developer chose.
    pub scopes: Vec<String>,
    /// Its labels.
    pub labels: Labels,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_users_are_sent_back_to() {
        for good in [
            "https://app.example/callback?x=1",
            "http://localhost:3000/",
            "com.example.app:/callback",
            "urn:ietf:wg:oauth:2.0:oob",
        ] {
            assert_eq!(RedirectUri.read(&json!(good)).ok().as_deref(), Some(good), "{good}");
        }
        let long = format!("https://app.example/{}", "a".repeat(LONGEST));
        for bad in [
            "",
            "/callback",
            "app.example",
            "https://app.example/#top",
            "javascript:alert(1)",
            "https://a b/",
            "https://app.example/\u{e9}",
            "data:text/html,x",
            "https:///x",
            "https://u:p@app.example/",
            &long,
        ] {
            assert!(RedirectUri.read(&json!(bad)).is_err(), "{bad}");
        }
        assert!(RedirectUri.read(&json!(7)).is_err());
    }
}
