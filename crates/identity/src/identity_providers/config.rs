//! What an identity provider is configured with.

use kernel::{
    Body, Fault, Fields, IdentityProviderId, Patch, Problem, Result, Secret,
    rules::{List, Text, Url, secret, text},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How an OpenID Connect provider is reached, without its secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct Oidc {
    /// The issuer.
    pub issuer_url: String,
    /// This installation's client id there.
    pub client_id: String,
    /// The scopes that are asked for, in the order given.
    pub scopes: Vec<String>,
    /// Which claims hold what.
    pub claim_mappings: ClaimMappings,
}

/// Which claims hold a person's name, e-mail and groups.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct ClaimMappings {
    /// The claim with the name.
    pub name: String,
    /// The claim with the e-mail.
    pub email: String,
    /// The claim with the groups.
    pub groups: String,
}

/// How a SAML provider is reached.
#[derive(Clone, Serialize, Deserialize)]
pub struct Saml {
    /// Where its metadata is.
    pub idp_metadata_url: Option<String>,
    /// Its metadata.
    pub idp_metadata_xml: Option<String>,
}

/// Either.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Config {
    /// OpenID Connect.
    Oidc(Oidc),
    /// SAML.
    Saml(Saml),
}

/// A configuration as replies show it.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub enum View {
    /// OpenID Connect.
    Oidc(OidcView),
    /// SAML.
    Saml(SamlView),
}

/// An OpenID Connect configuration as replies show it.
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OidcView {
    /// The issuer.
    #[schemars(extend("format" = "uri"))]
    issuer_url: String,
    /// The client id.
    client_id: String,
    /// The scopes.
    scopes: Vec<String>,
    /// Which claims hold what.
    claim_mappings: ClaimMappings,
}

/// A SAML configuration as replies show it.
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SamlView {
    /// Where the provider's metadata is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "uri"))]
    idp_metadata_url: Option<String>,
    /// The provider's metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    idp_metadata_xml: Option<String>,
    /// Where this installation's metadata is.
    #[schemars(extend("format" = "uri"))]
    sp_metadata_url: String,
    /// This installation's entity id towards the provider.
    sp_entity_id: String,
    /// Where people sign in.
    login_url: String,
    /// Where the provider sends its answers.
    #[schemars(extend("format" = "uri"))]
    callback_url: String,
}

impl Config {
    /// As replies show it.
    pub fn view(&self, public_url: &str, id: IdentityProviderId, login_path: &str) -> View {
        match self.clone() {
            Self::Oidc(Oidc { issuer_url, client_id, scopes, claim_mappings }) => {
                View::Oidc(OidcView { issuer_url, client_id, scopes, claim_mappings })
            }
            Self::Saml(Saml { idp_metadata_url, idp_metadata_xml }) => View::Saml(SamlView {
                idp_metadata_url,
                idp_metadata_xml,
                sp_metadata_url: format!("{public_url}/v2/authenticate/{login_path}/saml/metadata"),
                sp_entity_id: format!("{public_url}/sp/{id}"),
                login_url: format!("{public_url}/login/{login_path}"),
                callback_url: format!("{public_url}/v2/authenticate/{login_path}/saml/acs"),
            }),
        }
    }
}

/// The scopes when none are given.
pub fn default_scopes() -> Vec<String> {
    ["email", "openid", "profile"].map(str::to_owned).to_vec()
}

impl Default for ClaimMappings {
    fn default() -> Self {
        Self { name: "name".to_owned(), email: "email".to_owned(), groups: "groups".to_owned() }
    }
}

pub(super) const CLIENT_ID: Text = text(1, 1000);
pub(super) const fn scopes() -> List<Text> {
    List { item: text(1, 250), least: 0, most: 100, distinct: false }
}

/// Without this scope there is no OpenID Connect.
pub(super) fn want_openid(fields: &mut Fields<'_>, scopes: Option<&Vec<String>>) {
    if scopes.is_some_and(|scopes| !scopes.iter().any(|scope| scope == "openid")) {
        fields.fault("scopes", Fault::Rule("must hold [openid]".to_owned()));
    }
}

/// A partial change of claim mappings.
pub struct ClaimMappingsPatch {
    name: Option<String>,
    email: Option<String>,
    groups: Option<String>,
}

impl ClaimMappingsPatch {
    pub(super) fn over(self, current: ClaimMappings) -> ClaimMappings {
        ClaimMappings {
            name: self.name.unwrap_or(current.name),
            email: self.email.unwrap_or(current.email),
            groups: self.groups.unwrap_or(current.groups),
        }
    }
}

impl Body for ClaimMappingsPatch {
    const NAME: &'static str = "ClaimMappings";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.optional("name", text(1, 250));
        let email = fields.optional("email", text(1, 250));
        let groups = fields.optional("groups", text(1, 250));
        Some(Self { name: name?, email: email?, groups: groups? })
    }
}

/// A new OpenID Connect configuration.
pub struct OidcConfig {
    /// All but the secret.
    pub oidc: Oidc,
    /// The secret.
    pub client_secret: Option<Secret<String>>,
}

impl Body for OidcConfig {
    const NAME: &'static str = "OidcConfig";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let issuer_url = fields.required("issuer_url", Url(2000));
        let client_id = fields.required("client_id", CLIENT_ID);
        let client_secret = fields.optional("client_secret", secret(1, 1000));
        let scopes = fields.optional("scopes", scopes());
        want_openid(fields, scopes.as_ref().and_then(Option::as_ref));
        let mappings = fields.object::<ClaimMappingsPatch>("claim_mappings");
        let claim_mappings =
            mappings?.map_or_else(ClaimMappings::default, |m| m.over(ClaimMappings::default()));
        let scopes = scopes?.unwrap_or_else(default_scopes);
        let oidc = Oidc { issuer_url: issuer_url?, client_id: client_id?, scopes, claim_mappings };
        Some(Self { oidc, client_secret: client_secret? })
    }
}

/// A change of an OpenID Connect configuration. Clients that send it whole are served as well as those
/// that send what changes.
pub struct OidcPatch {
    /// All but the secret.
    pub change: OidcChange,
    /// The new secret.
    pub client_secret: Option<Secret<String>>,
}

/// A change of all but the secret.
pub struct OidcChange {
    pub(super) issuer_url: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) scopes: Option<Vec<String>>,
    pub(super) claim_mappings: Option<ClaimMappingsPatch>,
}

impl OidcChange {
    /// Lays the change over a configuration.
    pub fn over(self, current: Oidc) -> Oidc {
        Oidc {
            issuer_url: self.issuer_url.unwrap_or(current.issuer_url),
            client_id: self.client_id.unwrap_or(current.client_id),
            scopes: self.scopes.unwrap_or(current.scopes),
            claim_mappings: match self.claim_mappings {
                Some(change) => change.over(current.claim_mappings),
                None => current.claim_mappings,
            },
        }
    }
}

impl Body for OidcPatch {
    const NAME: &'static str = "OidcConfigPatch";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let issuer_url = fields.optional("issuer_url", Url(2000));
        let client_id = fields.optional("client_id", CLIENT_ID);
        let client_secret = fields.optional("client_secret", secret(1, 1000));
        let scopes = fields.optional("scopes", scopes());
        want_openid(fields, scopes.as_ref().and_then(Option::as_ref));
        let claim_mappings = fields.object::<ClaimMappingsPatch>("claim_mappings");
        let change = OidcChange {
            issuer_url: issuer_url?,
            client_id: client_id?,
            scopes: scopes?,
            claim_mappings: claim_mappings?,
        };
        Some(Self { change, client_secret: client_secret? })
    }
}

const METADATA: Text = text(1, 500_000);

fn no_metadata() -> Fault {
    Fault::Dependent("either this or the metadata itself is needed", vec!["idp_metadata_xml"])
}

/// A new SAML configuration: metadata, or where it is.
pub struct SamlConfig(pub Saml);

impl Body for SamlConfig {
    const NAME: &'static str = "SamlConfig";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let url = fields.optional("idp_metadata_url", Url(2000));
        let xml = fields.optional("idp_metadata_xml", METADATA);
        let (idp_metadata_url, idp_metadata_xml) = (url?, xml?);
        if idp_metadata_url.is_none() && idp_metadata_xml.is_none() {
            fields.fault("idp_metadata_url", no_metadata());
        }
        Some(Self(Saml { idp_metadata_url, idp_metadata_xml }))
    }
}

/// A change of a SAML configuration.
pub struct SamlPatch {
    url: Patch<String>,
    xml: Patch<String>,
}

impl SamlPatch {
    /// Lays the change over a configuration; fails if no metadata would be left.
    pub fn over(self, current: Saml) -> Result<Saml> {
        let idp_metadata_url = self.url.over(current.idp_metadata_url);
        let idp_metadata_xml = self.xml.over(current.idp_metadata_xml);
        if idp_metadata_url.is_none() && idp_metadata_xml.is_none() {
            return Err(Problem::invalid("config.idp_metadata_url", no_metadata()));
        }
        Ok(Saml { idp_metadata_url, idp_metadata_xml })
    }
}

impl Body for SamlPatch {
    const NAME: &'static str = "SamlConfigPatch";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let url = fields.patch("idp_metadata_url", Url(2000));
        let xml = fields.patch("idp_metadata_xml", METADATA);
        Some(Self { url: url?, xml: xml? })
    }
}
