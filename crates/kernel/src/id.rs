//! Identifiers: a UUID inside, a type per kind outside, so that no two kinds can be mixed up.

use std::{cmp::Ordering, fmt, hash, marker::PhantomData, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The id of a `T`. New ones are UUID v7, so that they sort by creation; any UUID is accepted from
/// outside, in the hyphenated form that the contract uses.
pub struct Id<T> {
    uuid: Uuid,
    kind: PhantomData<fn() -> T>,
}

impl<T> Id<T> {
    /// The id with these sixteen bytes.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self { uuid, kind: PhantomData }
    }

    /// The sixteen bytes as the databases keep them.
    pub const fn uuid(self) -> Uuid {
        self.uuid
    }

    /// A new id: milliseconds of `now` in front, then `random` (RFC 9562 section 5.7).
    pub fn new(now: crate::Timestamp, random: [u8; 10]) -> Self {
        let millis = u64::try_from(now.micros() / 1000).unwrap_or(0);
        Self::from_uuid(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }
}

/// Declares the marker type and the alias of each kind of id.
macro_rules! ids {
    ($($(#[$doc:meta])* $alias:ident = $marker:ident;)*) => {
        /// One uninhabited type per kind of thing that has an id.
        pub mod kinds {
            $($(#[$doc])* pub enum $marker {})*
        }
        $($(#[$doc])* pub type $alias = Id<kinds::$marker>;)*
    };
}

ids! {
    /// An organization, the unit of tenancy.
    OrgId = Organization;
    /// A person, who may have a user in several organizations.
    PersonId = Person;
    /// A person's account in one organization.
    UserId = User;
    /// A team of users and system accounts.
    TeamId = Team;
    /// A system account, the identity of an automation.
    SystemAccountId = SystemAccount;
    /// A personal, system-account or client token.
    TokenId = Token;
    /// A role held by a user, a team or a system account.
    AssignmentId = Assignment;
    /// An organization's OIDC or SAML identity provider.
    IdentityProviderId = IdentityProvider;
    /// A mapping of an identity provider's group to a team.
    MappingId = Mapping;
    /// A provider of dynamic client registration.
    DcrProviderId = DcrProvider;
    /// An application auth strategy.
    StrategyId = Strategy;
    /// A portal, where developers find APIs.
    PortalId = Portal;
    /// An API of the catalog.
    ApiId = Api;
    /// An API's link to a service of a gateway.
    ImplementationId = Implementation;
    /// A product, the older kind of what is published in portals.
    ProductId = Product;
    /// A version of a product.
    ProductVersionId = ProductVersion;
    /// A version of a product in a portal.
    PortalProductVersionId = PortalProductVersion;
    /// A developer, a person's account in one portal.
    DeveloperId = Developer;
    /// A team of a portal's developers.
    PortalTeamId = PortalTeam;
    /// An application of a developer or of a team of developers.
    ApplicationId = Application;
    /// An application's registration for an API.
    RegistrationId = Registration;
    /// A credential of an application.
    CredentialId = Credential;
    /// A key of the bridge that is served in front of a DCR provider.
    BridgeKeyId = BridgeKey;
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.uuid.cmp(&other.uuid)
    }
}
impl<T> hash::Hash for Id<T> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}
impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uuid.fmt(f)
    }
}
impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uuid.fmt(f)
    }
}

/// The text is not a hyphenated UUID.
#[derive(Debug)]
pub struct NotAnId;

impl<T> FromStr for Id<T> {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        // `Uuid` would also take braces, URNs and bare hexadecimal; the wire knows one form.
        if text.len() != uuid::fmt::Hyphenated::LENGTH {
            return Err(NotAnId);
        }
        Uuid::try_parse(text).map(Self::from_uuid).map_err(|_| NotAnId)
    }
}
impl<T> Serialize for Id<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.uuid.serialize(serializer)
    }
}
impl<'de, T> Deserialize<'de> for Id<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Uuid::deserialize(deserializer).map(Self::from_uuid)
    }
}
impl<T> schemars::JsonSchema for Id<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Id".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "uuid" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_hyphenated_form_is_an_id() {
        assert!("7f9fd312-a987-4628-b4c5-bb4f4fddd5f7".parse::<UserId>().is_ok());
        for bad in ["", "7f9fd312a9874628b4c5bb4f4fddd5f7", "{7f9fd312-a987-4628-b4c5-bb4f4fddd5f7}", "*"] {
            assert!(bad.parse::<UserId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn new_ids_sort_by_time() {
        let at = |micros| UserId::new(crate::Timestamp::from_micros(micros), [255; 10]);
        assert!(at(1_000_000) < at(1_001_000));
    }
}
