//! The credentials of an application: keys, which are made here, or secrets of its client, which its provider has
//! and lists.

use frame::{
    Cx,
    db::{OrgScope, Paged},
};
use kernel::{
    Action, Body, CredentialId, Draft, Fault, Fields, Problem, Result, Secret, Timestamp,
    problem::Denied,
    query::{Collection, Field, Kind, ListQuery},
    rules::{Text, text},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{
    Application,
    keys::{
        self, Key,
        store::{key_delete, key_has, key_list, key_rename},
    },
    lifecycle::{adapter_of_application, noted},
    place,
    strategy::CredentialType,
};
use crate::{
    clients::{transactions::finished, turns::live},
    gateway,
    registration::{Adapter, Client, Credential},
};

/// What credentials can be sorted by; the contract filters none.
pub static CREDENTIALS: Collection =
    Collection::numbered("credentials", &[Field::order("created_at", Kind::Time)]);

const DISPLAY_NAME: Text = text(1, 255);

/// A credential in a list (contract: `ApiKeyCredentialListItem`, `ClientSecretCredentialListItem`).
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schemars(deny_unknown_fields)]
pub enum ListedCredential {
    /// A key.
    ApiKey {
        /// Its id.
        id: CredentialId,
        /// Its name.
        display_name: String,
        /// Whether it is good.
        #[schemars(extend("enum" = STATUSES))]
        status: &'static str,
        /// Until when it is good.
        expires_at: Option<Timestamp>,
        /// When it was made.
        created_at: Timestamp,
    },
    /// A secret of the application's client.
    ClientSecret {
        /// Its id at the provider.
        id: String,
        /// Its name, where the provider has one.
        display_name: Option<String>,
        /// The client.
        client_id: String,
        /// When it was made, where the provider says so.
        created_at: Option<Timestamp>,
        /// Until when it is good.
        expires_at: Option<Timestamp>,
    },
}

/// What can be said of a key.
const STATUSES: &[&str] = &["active", "expired", "revoked"];

/// A credential that was just made.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schemars(deny_unknown_fields)]
pub enum NewCredential {
    /// A key.
    ApiKey {
        /// Its id.
        id: CredentialId,
        /// Its name.
        display_name: String,
        /// The key itself, shown this once.
        credential: String,
        /// Whether it is good.
        #[schemars(extend("enum" = STATUSES))]
        status: &'static str,
        /// Until when it is good.
        expires_at: Option<Timestamp>,
        /// When it was made.
        created_at: Timestamp,
    },
    /// A secret of the application's client.
    ClientSecret {
        /// Its id at the provider.
        id: String,
        /// Its name, where the provider has one.
        display_name: Option<String>,
        /// The client.
        client_id: String,
        /// The secret itself, shown this once.
        client_secret: String,
        /// When it was made, where the provider says so.
        created_at: Option<Timestamp>,
        /// Until when it is good.
        expires_at: Option<Timestamp>,
    },
}

/// What a new credential is called.
pub struct CredentialName(Option<String>);

impl Body for CredentialName {
    const NAME: &'static str = "CreateCredentialRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.optional("display_name", DISPLAY_NAME).map(Self)
    }
}

/// What a credential is to be called.
pub struct CredentialRename(String);

impl Body for CredentialRename {
    const NAME: &'static str = "UpdateCredentialRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.required("display_name", DISPLAY_NAME).map(Self)
    }
}

/// The refusal of one credential too many, in the contract's words.
pub(super) fn too_many(most: i64) -> Problem {
    let why = format!("Maximum number of Credentials exceeded. Max Allowed: {most}");
    Problem::Forbidden(Denied::Because(why))
}

fn status(key: &Key, now: Timestamp) -> &'static str {
    if key.expires_at.is_some_and(|at| at <= now) { "expired" } else { "active" }
}

/// What the provider of an application's client is asked with.
struct There {
    adapter: Box<dyn Adapter>,
    client: Client,
}

async fn there(cx: &Cx, application: &Application) -> Result<There> {
    let app = cx.app();
    let registered = {
        let db = OrgScope::new(app.db.read(), cx.org());
        live(&db, application.id).await?
    };
    let client = registered.client(app)?.ok_or_else(|| Problem::internal("a live client has no id"))?;
    Ok(There { adapter: adapter_of_application(app, cx.org(), application).await?, client })
}

/// The credentials of an application.
pub async fn credential_list(
    cx: &Cx,
    application: &Application,
    query: &ListQuery,
) -> Result<Paged<ListedCredential>> {
    match application.strategy.credential_type() {
        CredentialType::KeyAuth => {
            let now = cx.now();
            let db = OrgScope::new(cx.app().db.read(), cx.org());
            let page = key_list(&db, application.id, query).await?;
            Ok(page.map(|key| ListedCredential::ApiKey {
                status: status(&key, now),
                id: key.id,
                display_name: key.display_name,
                expires_at: key.expires_at,
                created_at: key.created_at,
            }))
        }
        // Its secrets are the developer's own affair.
        CredentialType::SelfManagedClientCredentials => Ok(Paged::cut(Vec::new(), query)),
        CredentialType::ClientCredentials => {
            let There { adapter, client } = there(cx, application).await?;
            let several = adapter.capabilities().multiple_credentials.is_some();
            let listed = if several { adapter.credential_list(&client).await } else { Ok(Vec::new()) };
            let all = match listed {
                // Bridges may have several and list none: their contract does not say how.
                Ok(none) if none.is_empty() => vec![Credential {
                    id: client.id.clone(),
                    display_name: None,
                    created_at: None,
                    expires_at: None,
                }],
                Err(crate::registration::Fault::Unsupported(_)) => vec![],
                listed => listed?,
            };
            let shown = all.into_iter().map(|it| ListedCredential::ClientSecret {
                id: it.id,
                display_name: it.display_name,
                client_id: client.id.clone(),
                created_at: it.created_at,
                expires_at: it.expires_at,
            });
            Ok(Paged::cut(shown.collect(), query))
        }
    }
}

/// Makes a further key, which is shown this once.
pub(super) async fn key_add(
    cx: &Cx,
    application: &Application,
    CredentialName(name): CredentialName,
) -> Result<(Key, Secret<String>)> {
    let (key, secret) = keys::key_create(cx, cx.db(), application, name).await?;
    let path = format!("{}/credentials/{}", place(application.portal_id, application.id), key.id);
    let after = json!({ "display_name": key.display_name });
    cx.audit(Action::Create, path, json!({ "after": after })).await?;
    Ok((key, secret))
}

/// Makes a further credential, which is shown this once.
pub async fn credential_create(
    cx: &Cx,
    application: &Application,
    name: CredentialName,
) -> Result<NewCredential> {
    let path = |id: &str| format!("{}/credentials/{id}", place(application.portal_id, application.id));
    match application.strategy.credential_type() {
        CredentialType::KeyAuth => {
            let (key, secret) = key_add(cx, application, name).await?;
            Ok(NewCredential::ApiKey {
                id: key.id,
                display_name: key.display_name,
                credential: secret.reveal().clone(),
                status: "active",
                expires_at: key.expires_at,
                created_at: key.created_at,
            })
        }
        CredentialType::SelfManagedClientCredentials => Err(own_client("display_name")),
        CredentialType::ClientCredentials => {
            let There { adapter, client } = there(cx, application).await?;
            if adapter.capabilities().multiple_credentials.is_none() {
                return Err(too_many(1));
            }
            let name = name.0.unwrap_or_default();
            let client_id = client.id.clone();
            let (made, secret) =
                finished(async move { Ok(adapter.credential_add(&client, &name).await?) }).await?;
            noted(
                cx,
                Action::Create,
                path(&made.id),
                json!({ "after": { "display_name": made.display_name } }),
            )
            .await?;
            Ok(NewCredential::ClientSecret {
                id: made.id,
                display_name: made.display_name,
                client_id,
                client_secret: secret.reveal().clone(),
                created_at: made.created_at,
                expires_at: made.expires_at,
            })
        }
    }
}

fn own_client(field: &'static str) -> Problem {
    let why = "the application's client is the developer's own, and so are its secrets";
    Problem::invalid(field, Fault::Rule(why.to_owned()))
}

fn key_id(text: &str) -> Result<CredentialId> {
    text.parse().map_err(|_| Problem::NotFound("credential"))
}

/// Gives a key another name.
pub async fn credential_update(
    cx: &Cx,
    application: &Application,
    id: &str,
    draft: Draft<CredentialRename>,
) -> Result<()> {
    let keys = application.strategy.credential_type() == CredentialType::KeyAuth;
    if keys && !key_has(cx.db(), application.id, key_id(id)?).await? {
        return Err(Problem::NotFound("credential"));
    }
    let CredentialRename(name) = draft.parse()?;
    if !keys {
        let why = "cannot be changed: the identity provider has the application's secrets";
        return Err(Problem::invalid("display_name", Fault::Rule(why.to_owned())));
    }
    key_rename(cx.db(), application.id, key_id(id)?, &name).await?;
    let path = format!("{}/credentials/{id}", place(application.portal_id, application.id));
    cx.audit(Action::Edit, path, json!({ "after": { "display_name": name } })).await
}

/// Ends a credential.
pub async fn credential_delete(cx: &Cx, application: &Application, id: &str) -> Result<()> {
    match application.strategy.credential_type() {
        CredentialType::KeyAuth => {
            if !key_delete(cx.db(), application.id, key_id(id)?).await? {
                return Err(Problem::NotFound("credential"));
            }
            gateway::changed(cx.app(), cx.db()).await?;
            let path = format!("{}/credentials/{id}", place(application.portal_id, application.id));
            return cx.audit(Action::Delete, path, json!({})).await;
        }
        CredentialType::SelfManagedClientCredentials => return Err(Problem::NotFound("credential")),
        CredentialType::ClientCredentials => {
            let There { adapter, client } = there(cx, application).await?;
            if adapter.capabilities().multiple_credentials.is_none() {
                let why = "The only secret of an application cannot be deleted. It can be regenerated";
                return Err(Problem::Conflict(why.to_owned()));
            }
            let all = adapter.credential_list(&client).await?;
            if !all.iter().any(|it| it.id == id) {
                return Err(Problem::NotFound("credential"));
            }
            if all.len() == 1 {
                let why = "The last secret of an application cannot be deleted. It can be regenerated";
                return Err(Problem::Conflict(why.to_owned()));
            }
            let which = id.to_owned();
            finished(async move { Ok(adapter.credential_delete(&client, &which).await?) }).await?;
        }
    }
    let path = format!("{}/credentials/{id}", place(application.portal_id, application.id));
    noted(cx, Action::Delete, path, json!({})).await
}

/// The scopes that an application's client was granted, where its provider tells.
pub async fn granted_scopes(cx: &Cx, application: &Application) -> Result<Vec<String>> {
    let no =
        |why| Problem::Unprocessable("https://kongapi.info/konnect/portal/granted-scopes-unavailable", why);
    if application.strategy.credential_type() == CredentialType::KeyAuth {
        return Err(no("Applications with keys are granted no scopes"));
    }
    let untold = no("The identity provider of the application does not tell which scopes it was granted");
    if application.strategy.credential_type() != CredentialType::ClientCredentials {
        return Err(untold);
    }
    let There { adapter, client } = there(cx, application).await?;
    if !adapter.capabilities().granted_scopes {
        return Err(untold);
    }
    let wanted = application.strategy.wanted(cx.org(), application);
    Ok(adapter.granted_scopes(&client, &wanted).await?)
}
