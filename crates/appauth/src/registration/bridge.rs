//! A bridge that somebody wrote between Latchkey and a provider of theirs: a small HTTP contract, whose open
//! reference is Kong's DCR handler.

use frame::access::BoxFuture;
use frame::outbound::Request;
use http::{HeaderName, Method};
use kernel::Secret;
use serde_json::{Map, Value, json};

use super::{
    Adapter, Answered, Capabilities, Client, Deleted, Event, Fault, Issued, Step, Updated, Verification,
    Wanted, addresses, answers,
    discovery::Discovery,
    line::{Line, Retry},
};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The adapter.
pub struct Bridge {
    /// The line to it.
    pub line: Line,
    /// The issuer of the clients' tokens.
    pub issuer: String,
    /// Where the bridge is.
    pub base: String,
    /// What lets one in.
    pub api_key: Secret<String>,
    /// Whether it wants to hear what happens to applications.
    pub hears: bool,
    /// Whether it can replace secrets.
    pub rotates: bool,
    /// Whether its clients may have several secrets.
    pub multiple: bool,
}

impl Bridge {
    /// A request. Without a body it has no content type either: bridges refuse a promise of one.
    fn request(&self, method: Method, path: &str) -> Result<Request, Fault> {
        let url = format!("{}/{path}", self.base);
        let request = self.line.request(method, &url)?.secret_header(API_KEY, &self.api_key);
        request.map_err(|error| Fault::Configuration(error.to_string()))
    }

    fn client(&self, client: &Client, rest: &str) -> String {
        format!("{}{rest}", addresses::segment(&client.id))
    }

    fn issued(&self, body: &Map<String, Value>) -> Result<Issued, Fault> {
        let id = answers::client_id(body, "client_id");
        let secret = answers::client_secret(body, "client_secret");
        let (Some(id), Some(secret)) = (id, secret) else {
            return Err(Fault::Unknown("it answers without a usable client_id and client_secret".to_owned()));
        };
        let expires_at = answers::moment(body.get("client_secret_expires_at"));
        Ok(Issued { client: Client::with_id(id), secret, expires_at })
    }

    async fn make(&self, wanted: &Wanted) -> Result<Issued, Fault> {
        let body = json!({
            "redirect_uris": wanted.redirect_uris,
            "client_name": wanted.name,
            // Unchanged: bridges look for words of the strategy that are no grant types, such as bearer.
            "grant_types": wanted.auth_methods,
            "scopes": wanted.scopes,
            "token_endpoint_auth_method": wanted.token_endpoint_auth_method(),
            "application_description": wanted.description,
            "portal_id": wanted.context.portal,
            "organization_id": wanted.context.organization,
            "developer_id": wanted.context.owner,
            "auth_strategy_id": wanted.context.strategy,
            "dcr_provider_id": self.line.provider,
        });
        let request = self.request(Method::POST, "")?.json(&body);
        self.issued(&self.line.json(request, Retry::Once).await.map_err(Fault::of_place)?)
    }

    async fn hook(&self, client: &Client, wanted: &Wanted, event: &Event) -> Result<(), Fault> {
        if !self.hears {
            return Ok(());
        }
        let mut body = json!({
            "client_id": client.id,
            "application_id": wanted.application,
            "application_name": wanted.name,
            "application_description": wanted.description,
            "portal_id": wanted.context.portal,
            "organization_id": wanted.context.organization,
            "developer_id": wanted.context.owner,
            "auth_strategy_id": wanted.context.strategy,
            "dcr_provider_id": self.line.provider,
        });
        let kind = match event {
            Event::Updated => {
                body["redirect_uris"] = json!(wanted.redirect_uris);
                "update_application"
            }
            Event::Registered { api } => {
                body["api_product_version_id"] = json!(api);
                "add_registration"
            }
            Event::Unregistered { api, .. } => {
                body["api_product_version_id"] = json!(api);
                "remove_registration"
            }
        };
        body["event_type"] = kind.into();
        if let (Some(audience), Event::Registered { .. } | Event::Unregistered { .. }) =
            (&wanted.audience, event)
        {
            body["audience"] = audience.as_str().into();
        }
        let request = self.request(Method::POST, &self.client(client, "/event-hook"))?.json(&body);
        // The same news twice are one.
        self.line.good(request, Retry::Safe).await.map(drop)
    }
}

impl Adapter for Bridge {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            multiple_credentials: self.multiple.then_some((0, None)),
            rotate: self.rotates,
            update_rotates_secret: false,
            find: false,
            read: false,
            granted_scopes: false,
            replace: false,
        }
    }

    fn create<'a>(&'a self, wanted: &'a Wanted) -> Answered<'a, Issued> {
        Box::pin(self.make(wanted))
    }

    fn update<'a>(&'a self, client: &'a Client, wanted: &'a Wanted) -> Answered<'a, Updated> {
        Box::pin(async move {
            self.hook(client, wanted, &Event::Updated).await?;
            Ok(Updated { client: client.clone(), secret: None })
        })
    }

    fn rotate<'a>(&'a self, client: &'a Client, _: &'a Wanted) -> Answered<'a, Issued> {
        Box::pin(async move {
            if !self.rotates {
                return Err(Fault::Unsupported("replace a client's secret, as it is configured"));
            }
            let request = self.request(Method::POST, &self.client(client, "/new-secret"))?;
            let issued = self.issued(&self.line.json(request, Retry::Once).await?)?;
            if issued.client.id == client.id {
                Ok(issued)
            } else {
                Err(Fault::configuration("it answers for another client than the one that was asked for"))
            }
        })
    }

    fn tell<'a>(&'a self, client: &'a Client, wanted: &'a Wanted, event: &'a Event) -> Answered<'a, ()> {
        Box::pin(self.hook(client, wanted, event))
    }

    fn delete<'a>(&'a self, client: &'a Client) -> Answered<'a, Deleted> {
        Box::pin(async move {
            let request = self.request(Method::DELETE, &self.client(client, ""))?;
            match self.line.good(request, Retry::Safe).await {
                Ok(_) | Err(Fault::Gone) => Ok(Deleted::Gone),
                Err(fault) => Err(fault),
            }
        })
    }

    fn check<'a>(&'a self, _: &'a mut Verification) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            // The bridge need not be where the tokens come from, so this is for the log only.
            if let Err(fault) = Discovery::of(&self.line, &self.issuer).await {
                tracing::warn!(provider = %self.line.provider, why = fault.told(), "the issuer of a bridge's provider has no discovery document that can be read");
            }
            true
        })
    }

    fn remedy(&self, step: Step) -> &'static str {
        match step {
            Step::Rotate => {
                "see that the bridge answers POST /{client_id}/new-secret, or turn on disable_refresh_secret"
            }
            Step::Delete => "see that the bridge answers DELETE /{client_id}",
            _ => "see that dcr_base_url and api_key are those of the bridge, and what its log says",
        }
    }
}
