//! What callers of the bridge send. What is not known is let pass: callers are newer or older than this.

use kernel::{
    Body, Fields,
    rules::{List, OneOf, Text, id, text},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    applications::RedirectUri,
    registration::{Context, Event, Wanted},
};

const NAME: Text = text(1, 1024);
const DESCRIPTION: Text = text(0, 4096);
const WORDS: List<Text> = List { item: text(1, 128), least: 0, most: 50, distinct: false };
const REDIRECTS: List<RedirectUri> = List { item: RedirectUri, least: 0, most: 50, distinct: false };
const CLIENT_ID: Text = text(1, 255);
const AUDIENCE: Text = text(0, 1024);

/// How a client may prove who it is.
const METHODS: OneOf = OneOf(&["client_secret_basic", "client_secret_post"]);

/// Whose application it is, as the caller knows them.
pub(super) struct Owners {
    portal: Uuid,
    organization: Uuid,
    /// The developer, or the team if there is one.
    owner: Uuid,
    strategy: Uuid,
    /// The caller's provider, which is this bridge.
    provider: Uuid,
}

/// A team or a developer.
struct Owner(Uuid);

impl Body for Owner {
    const NAME: &'static str = "DcrBridgeOwner";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let kind = fields.required("type", OneOf(&["developer", "team"]));
        let owner = fields.required("id", id::<()>());
        kind?;
        owner.map(|owner| Self(owner.uuid()))
    }
}

impl Owners {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let mut one = |name| fields.required(name, id::<()>()).map(|id| id.uuid());
        let (portal, organization) = (one("portal_id"), one("organization_id"));
        let (developer, strategy) = (one("developer_id"), one("auth_strategy_id"));
        let provider = one("dcr_provider_id");
        let owner = fields.object::<Owner>("owner");
        Some(Self {
            portal: portal?,
            organization: organization?,
            owner: owner?.map_or(developer?, |Owner(owner)| owner),
            strategy: strategy?,
            provider: provider?,
        })
    }

    /// For the audit log: none of it names anything here.
    pub fn told(&self) -> Value {
        json!({
            "portal_id": self.portal, "organization_id": self.organization, "owner_id": self.owner,
            "auth_strategy_id": self.strategy, "dcr_provider_id": self.provider,
        })
    }
}

/// A client that a caller wants.
pub(super) struct NewClient {
    pub owners: Owners,
    name: String,
    description: String,
    redirect_uris: Vec<String>,
    grant_types: Vec<String>,
    scopes: Vec<String>,
    secret_in_form: bool,
}

impl Body for NewClient {
    const NAME: &'static str = "DcrBridgeNewClient";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let redirect_uris = fields.required("redirect_uris", REDIRECTS);
        let name = fields.required("client_name", NAME);
        let grant_types = fields.required("grant_types", WORDS);
        let scopes = fields.required("scopes", WORDS);
        let method = fields.required("token_endpoint_auth_method", METHODS);
        let description = fields.required("application_description", DESCRIPTION);
        let owners = Owners::read(fields);
        Some(Self {
            owners: owners?,
            name: name?,
            description: description?,
            redirect_uris: redirect_uris?,
            grant_types: grant_types?,
            scopes: scopes?,
            secret_in_form: method? == "client_secret_post",
        })
    }
}

impl NewClient {
    /// What the provider is asked for; `marker` stands for the application, whose id is not told.
    pub fn wanted(self, marker: Uuid) -> Wanted {
        let Owners { portal, organization, owner, strategy, .. } = self.owners;
        Wanted {
            application: marker,
            name: self.name,
            description: self.description,
            redirect_uris: self.redirect_uris,
            auth_methods: self.grant_types,
            scopes: self.scopes,
            chosen_scopes: Vec::new(),
            audience: None,
            secret_in_form: self.secret_in_form,
            context: Context { organization, portal, owner, strategy },
        }
    }
}

/// Something that happened to an application.
pub(super) struct Hook {
    pub client_id: String,
    /// The application, as the caller knows it.
    pub application: Uuid,
    pub owners: Owners,
    pub name: String,
    pub description: String,
    pub what: What,
}

/// What happened.
pub(super) enum What {
    /// It has another name, description or redirect URI.
    Changed { redirect_uris: Vec<String> },
    /// It may call an API, or may not any more.
    Registration { event: Event, audience: Option<String> },
}

impl Body for Hook {
    const NAME: &'static str = "DcrBridgeEvent";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let client_id = fields.required("client_id", CLIENT_ID);
        let application = fields.required("application_id", id::<()>());
        let name = fields.required("application_name", NAME);
        let description = fields.required("application_description", DESCRIPTION);
        let owners = Owners::read(fields);
        let what = fields.forms(
            "event_type",
            &[
                ("update_application", |f| {
                    f.required("redirect_uris", REDIRECTS)
                        .map(|redirect_uris| What::Changed { redirect_uris })
                }),
                ("add_registration", |f| registration(f, |api| Event::Registered { api })),
                // Whether others of the audience are left only the caller could tell, and does not.
                ("remove_registration", |f| registration(f, |api| Event::Unregistered { api, last: false })),
            ],
        );
        Some(Self {
            what: what?,
            client_id: client_id?,
            application: application?.uuid(),
            owners: owners?,
            name: name?,
            description: description?,
        })
    }
}

fn registration(fields: &mut Fields<'_>, event: impl FnOnce(Uuid) -> Event) -> Option<What> {
    let api = fields.required("api_product_version_id", id::<()>());
    let audience = fields.optional("audience", AUDIENCE);
    let audience = audience?.filter(|audience| !audience.is_empty());
    Some(What::Registration { event: event(api?.uuid()), audience })
}
