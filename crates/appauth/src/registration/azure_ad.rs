//! Microsoft Entra ID: applications by Microsoft Graph. Clients are addressed by their own id throughout, so
//! nothing else is kept of them.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use frame::access::BoxFuture;
use frame::outbound::{Answer, Request};
use http::{HeaderName, Method, StatusCode};
use kernel::Secret;
use serde_json::{Map, Value, json};
use url::Url;

use super::{
    Adapter, Answered, Capabilities, Client, Credential, Deleted, Fault, Found, Issued, Step, Updated,
    Verification, Wanted, addresses,
    answers::{self, Refusal},
    discovery::Discovery,
    line::{Line, Retry},
    tokens::{Grant, InitialClient, Token},
};

const PREFER: HeaderName = HeaderName::from_static("prefer");
/// How long a new application may be unknown to some of their servers.
const LAG: Duration = Duration::from_secs(30);
/// What the initial client must be allowed, one of them.
const PERMISSIONS: [&str; 2] = ["Application.ReadWrite.OwnedBy", "Application.ReadWrite.All"];
const LAST: &str = "the last secret of a client cannot be removed";

/// The adapter.
pub struct AzureAd {
    /// The line to it.
    pub line: Line,
    /// The issuer, which names the tenant.
    pub issuer: String,
    /// The initial client.
    pub initial: InitialClient,
}

impl AzureAd {
    /// The tenant: the first part of the issuer's path.
    fn tenant(&self) -> Result<String, Fault> {
        let url = Url::parse(&addresses::base(&self.issuer)?).ok();
        let tenant =
            url.as_ref().and_then(|url| url.path_segments()?.next()).filter(|tenant| !tenant.is_empty());
        tenant.map(addresses::segment).ok_or_else(|| Fault::configuration("the issuer names no tenant"))
    }

    fn graph(&self) -> &str {
        self.line.registrar.settings().azure_graph.trim_end_matches('/')
    }

    fn request(&self, method: Method, path: &str) -> Result<Request, Fault> {
        self.line.request(method, &format!("{}/v1.0/{path}", self.graph()))
    }

    /// The path of an application, which is addressed by its client's id.
    fn application(&self, client: &Client, rest: &str) -> String {
        format!("applications(appId='{}'){rest}", addresses::segment(&client.id.replace('\'', "''")))
    }

    /// The name by which an application is found again.
    fn named(&self, wanted: &Wanted) -> String {
        format!("applications(uniqueName='latchkey-{}')", wanted.application)
    }

    async fn send(&self, request: Request, retry: Retry) -> Result<Answer, Fault> {
        self.grant(&self.endpoint()?).send(&self.line, request, retry).await
    }

    fn endpoint(&self) -> Result<String, Fault> {
        let login = self.line.registrar.settings().azure_login.trim_end_matches('/');
        Ok(format!("{login}/{}/oauth2/v2.0/token", self.tenant()?))
    }

    fn grant<'g>(&'g self, endpoint: &'g str) -> Grant<'g> {
        Grant {
            endpoint,
            client: &self.initial,
            more: vec![("scope", format!("{}/.default", self.graph()))],
            basic: false,
        }
    }

    async fn good(&self, request: Request, retry: Retry) -> Result<Answer, Fault> {
        let answer = self.send(request, retry).await?;
        if answer.status.is_success() { Ok(answer) } else { Err(self.line.refused(&answer)) }
    }

    async fn json(&self, request: Request, retry: Retry) -> Result<Map<String, Value>, Fault> {
        let answer = self.good(request, retry).await?;
        self.line.object(&answer, retry)
    }

    /// The same about an application that was just made, which not all of their servers know yet.
    async fn settled(&self, request: impl Fn() -> Result<Request, Fault>) -> Result<Answer, Fault> {
        let mut pause = Duration::from_secs(1);
        let until = self.line.now().plus(LAG);
        loop {
            let answer = self.send(request()?, Retry::Once).await?;
            if answer.status.is_success() {
                return Ok(answer);
            }
            let code = Refusal::of(&answer).code;
            let lags = match answer.status {
                StatusCode::NOT_FOUND => code == "Request_ResourceNotFound",
                StatusCode::BAD_REQUEST => code == "NoBackingApplicationObject",
                _ => false,
            };
            if !lags || self.line.now() >= until || !self.line.wait(pause).await {
                return Err(self.line.refused(&answer));
            }
            pause = (pause * 2).min(Duration::from_secs(8));
        }
    }

    async fn make(&self, wanted: &Wanted) -> Result<Issued, Fault> {
        let mut application = settings(wanted);
        application["signInAudience"] = "AzureADMyOrg".into();
        application["tags"] = json!(["latchkey", format!("portal:{}", wanted.context.portal)]);
        // Tokens of the first version name their client in appid, which strategies look for.
        application["api"] = json!({ "requestedAccessTokenVersion": 1 });
        let request = self.request(Method::PATCH, &self.named(wanted))?;
        let request = request.header(PREFER, "create-if-missing").json(&application);
        // It is made once, however often it is asked for.
        let answer = self.good(request, Retry::Safe).await.map_err(Fault::of_place)?;
        let body = match answer.status {
            // It was there: the first attempt's answer got lost.
            StatusCode::NO_CONTENT => {
                self.json(self.request(Method::GET, &self.named(wanted))?, Retry::Safe).await?
            }
            _ => self.line.object(&answer, Retry::Once)?,
        };
        let Some(client) = answers::client_id(&body, "appId").map(Client::with_id) else {
            return Err(Fault::Unknown("it made an application whose id cannot be used".to_owned()));
        };
        match self.equip(&client).await {
            Ok((credential, secret)) => Ok(Issued { client, secret, expires_at: credential.expires_at }),
            // An application without a principal or a secret is no client.
            Err(fault) => match self.remove(&client).await {
                Ok(_) => Err(fault),
                Err(_) => {
                    Err(Fault::Unknown(format!("{}, and the application could not be removed", fault.told())))
                }
            },
        }
    }

    /// What an application needs to get tokens: a principal in the tenant, and a secret.
    async fn equip(&self, client: &Client) -> Result<(Credential, Secret<String>), Fault> {
        let body = json!({ "appId": client.id });
        let made = self.settled(|| Ok(self.request(Method::POST, "servicePrincipals")?.json(&body))).await;
        match made {
            Ok(_) | Err(Fault::Exists) => {}
            Err(fault) => return Err(gone_is_late(fault)),
        }
        self.add(client, "Latchkey").await.map_err(gone_is_late)
    }

    async fn add(&self, client: &Client, name: &str) -> Result<(Credential, Secret<String>), Fault> {
        let path = self.application(client, "/addPassword");
        let body = json!({ "passwordCredential": { "displayName": name } });
        let answer = self.settled(|| Ok(self.request(Method::POST, &path)?.json(&body))).await?;
        let body = self.line.object(&answer, Retry::Once)?;
        let made = credential(&body).zip(answers::client_secret(&body, "secretText"));
        made.ok_or_else(|| Fault::Unknown("it answers without the new secret".to_owned()))
    }

    async fn list(&self, client: &Client) -> Result<Vec<Credential>, Fault> {
        let path = self.application(client, "?$select=id,appId,displayName,passwordCredentials");
        let body = self.json(self.request(Method::GET, &path)?, Retry::Safe).await?;
        let list = body.get("passwordCredentials").and_then(Value::as_array).map(Vec::as_slice);
        Ok(list.unwrap_or_default().iter().filter_map(Value::as_object).filter_map(credential).collect())
    }

    async fn end(&self, client: &Client, id: &str) -> Result<(), Fault> {
        let path = self.application(client, "/removePassword");
        self.good(self.request(Method::POST, &path)?.json(&json!({ "keyId": id })), Retry::Safe)
            .await
            .map(drop)
    }

    async fn remove(&self, client: &Client) -> Result<Deleted, Fault> {
        match self.good(self.request(Method::DELETE, &self.application(client, ""))?, Retry::Safe).await {
            Ok(_) | Err(Fault::Gone) => Ok(Deleted::Gone),
            Err(fault) => Err(fault),
        }
    }

    async fn management_token(&self) -> Result<Token, Fault> {
        Ok(self.grant(&self.endpoint()?).ask(&self.line).await?.0)
    }
}

/// What stays unknown for so long is not gone, but late.
fn gone_is_late(fault: Fault) -> Fault {
    match fault {
        Fault::Gone => Fault::transient("it does not know the new application yet"),
        fault => fault,
    }
}

fn settings(wanted: &Wanted) -> Value {
    let name: String = wanted.name.chars().take(256).collect();
    json!({ "displayName": name, "notes": wanted.description, "web": { "redirectUris": wanted.redirect_uris } })
}

fn credential(body: &Map<String, Value>) -> Option<Credential> {
    Some(Credential {
        id: answers::text(body, "keyId")?.to_owned(),
        display_name: answers::text(body, "displayName").map(str::to_owned),
        created_at: answers::moment(body.get("startDateTime")),
        expires_at: answers::moment(body.get("endDateTime")),
    })
}

/// The roles in a token. It is not ours to verify: this is for a sentence of the verification only.
fn roles(token: &Token) -> Option<Vec<String>> {
    let claims = token.text.reveal().split('.').nth(1)?;
    let claims: Map<String, Value> =
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    Some(answers::texts(claims.get("roles")))
}

impl Adapter for AzureAd {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            multiple_credentials: Some((1, None)),
            rotate: true,
            update_rotates_secret: false,
            find: true,
            read: true,
            granted_scopes: false,
            replace: false,
        }
    }

    fn create<'a>(&'a self, wanted: &'a Wanted) -> Answered<'a, Issued> {
        Box::pin(self.make(wanted))
    }

    fn find<'a>(&'a self, wanted: &'a Wanted) -> Answered<'a, Vec<Client>> {
        Box::pin(async move {
            match self.json(self.request(Method::GET, &self.named(wanted))?, Retry::Safe).await {
                Ok(body) => Ok(answers::client_id(&body, "appId").map(Client::with_id).into_iter().collect()),
                Err(Fault::Gone) => Ok(Vec::new()),
                Err(fault) => Err(fault),
            }
        })
    }

    fn read<'a>(&'a self, client: &'a Client) -> Answered<'a, Found> {
        Box::pin(async move {
            let path = self.application(client, "?$select=id,appId,displayName,web");
            let body = self.json(self.request(Method::GET, &path)?, Retry::Safe).await?;
            Ok(Found {
                client: client.clone(),
                name: answers::text(&body, "displayName").map(str::to_owned),
                redirect_uris: answers::texts(body.get("web").and_then(|web| web.get("redirectUris"))),
            })
        })
    }

    fn update<'a>(&'a self, client: &'a Client, wanted: &'a Wanted) -> Answered<'a, Updated> {
        Box::pin(async move {
            let request = self.request(Method::PATCH, &self.application(client, ""))?.json(&settings(wanted));
            self.good(request, Retry::Safe).await?;
            Ok(Updated { client: client.clone(), secret: None })
        })
    }

    fn rotate<'a>(&'a self, client: &'a Client, _: &'a Wanted) -> Answered<'a, Issued> {
        Box::pin(async move {
            // The new one first, so that there is always one.
            let old = self.list(client).await?;
            let (made, secret) = self.add(client, "Latchkey").await?;
            for credential in old {
                match self.end(client, &credential.id).await {
                    Ok(()) | Err(Fault::Gone) => {}
                    // The caller gets the new one all the same; the old one can be ended by hand.
                    Err(fault) => {
                        tracing::warn!(
                            client = client.id,
                            key = credential.id,
                            why = fault.told(),
                            "a replaced secret is still good"
                        );
                    }
                }
            }
            Ok(Issued { client: client.clone(), secret, expires_at: made.expires_at })
        })
    }

    fn credential_list<'a>(&'a self, client: &'a Client) -> Answered<'a, Vec<Credential>> {
        Box::pin(self.list(client))
    }

    fn credential_add<'a>(
        &'a self,
        client: &'a Client,
        name: &'a str,
    ) -> Answered<'a, (Credential, Secret<String>)> {
        Box::pin(self.add(client, name))
    }

    fn credential_delete<'a>(&'a self, client: &'a Client, id: &'a str) -> Answered<'a, ()> {
        Box::pin(async move {
            let list = self.list(client).await?;
            if !list.iter().any(|credential| credential.id == id) {
                return Err(Fault::Gone);
            }
            if list.len() < 2 {
                return Err(Fault::Limit(LAST));
            }
            self.end(client, id).await
        })
    }

    fn delete<'a>(&'a self, client: &'a Client) -> Answered<'a, Deleted> {
        Box::pin(self.remove(client))
    }

    fn check<'a>(&'a self, report: &'a mut Verification) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let discovery = Discovery::of(&self.line, &self.issuer).await;
            let Some(discovery) = report.step(Step::Discovery, self.remedy(Step::Discovery), discovery)
            else {
                return false;
            };
            report.step(Step::Keys, self.remedy(Step::Keys), discovery.keys(&self.line).await);
            let token = self.management_token().await;
            let Some(token) = report.step(Step::Token, self.remedy(Step::Token), token) else { return false };
            let allowed = match roles(&token) {
                Some(roles) if !roles.iter().any(|role| PERMISSIONS.contains(&role.as_str())) => Err(
                    Fault::configuration("the initial client does not have Application.ReadWrite.OwnedBy"),
                ),
                _ => Ok(()),
            };
            report.step(Step::Permissions, self.remedy(Step::Permissions), allowed).is_some()
        })
    }

    fn remedy(&self, step: Step) -> &'static str {
        match step {
            Step::Discovery | Step::Keys => "set the tenant's issuer, https://sts.windows.net/TENANT_ID",
            Step::Token => {
                "see that initial_client_id and initial_client_secret are those of an application of that tenant, and that the secret has not expired"
            }
            _ => {
                "give the initial client the application permission Application.ReadWrite.OwnedBy of Microsoft Graph, with the consent of an administrator"
            }
        }
    }
}
