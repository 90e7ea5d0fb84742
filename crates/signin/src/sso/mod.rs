//! Signing in through an organization's own provider, by OpenID Connect or SAML. A sign-in that is under way
//! is a row, found by the hash of `state`, bound to the browser that began it, and used once. What arrives is
//! believed before a transaction begins, and turned into a session in one.

mod acs;
mod arrival;
pub mod domains;
pub mod http;
pub mod oidc;
mod people;
pub(crate) mod rehearsal;
pub mod saml;
pub mod saml_keys;
pub mod store;

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use frame::{
    App, Cx,
    audit::{Authentication, Outcome},
    db::{DbError, OrgScope, PlatformScope},
    input::{Query, Segment},
    outbound::OutboundError,
    pages::{Page, Visit, encode, return_to},
    reply::Leave,
};
use identity::{
    identity_providers::{self, Provider, config::Config, store::Door},
    organizations, settings,
};
use kernel::{Fault, Invalid, OrgId, Problem, Result, Timestamp, TokenHash, UserId, WallClock};
use minijinja::context;

use self::{arrival::Arrival, store::Attempt};
use crate::sessions::{Beginning, Cookies, Method, session_begin};

/// How long signing in at the provider may take.
const LIFE: Duration = Duration::from_secs(600);
/// Most sign-ins that are under way from one address, behind which many people may sit.
const MOST_UNDER_WAY: i64 = 300;

/// Why somebody does not get on.
pub enum Halt {
    /// A status, and a sentence for the person.
    Refused(u16, String),
    /// Something of ours.
    Problem(Problem),
}

impl From<Problem> for Halt {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}
impl From<DbError> for Halt {
    fn from(error: DbError) -> Self {
        Self::Problem(error.into())
    }
}

fn refused<T>(why: impl Into<String>) -> Result<T, Halt> {
    Err(Halt::Refused(403, why.into()))
}

/// A provider that could not be asked.
fn unreachable(issuer: &str, error: &OutboundError) -> Halt {
    tracing::warn!(issuer, %error, "an identity provider could not be asked");
    Halt::Refused(502, format!("Your company's sign-in page could not be asked: {error}. Try again later."))
}

fn now(app: &App) -> Timestamp {
    WallClock::now(&*app.wall)
}

fn state_hash(app: &App, state: &str) -> TokenHash {
    TokenHash::of(&format!("sso state {state}"), app.vault.token_key())
}

fn browser_hash(app: &App, visit: &Visit) -> TokenHash {
    TokenHash::of(&format!("sso browser {}", visit.secret()), app.vault.token_key())
}

const NO_DOOR: &str = "No organization signs in by this name. It may have been mistyped.";
const CLOSED: &str = "This organization does not sign in this way at the moment.";

/// The provider with a login path, if people sign in through it now; pages are its organization's from here on.
/// It is read apart from the request's transaction, which must not wait for providers.
async fn entrance(app: &App, visit: &Visit, login_path: &str) -> Result<(OrgId, Provider), Halt> {
    let read = PlatformScope::new(app.db.read());
    let Some(Door { org_id, identity_provider_id }) =
        identity_providers::store::door_find(&read, login_path).await?
    else {
        return Err(Halt::Refused(404, NO_DOOR.to_owned()));
    };
    let db = read.org(org_id);
    visit.within(&db).await?;
    match identity_providers::store::provider_get(&db, identity_provider_id).await? {
        Some(provider) if open(&db, &provider).await? => Ok((org_id, provider)),
        _ => refused(CLOSED),
    }
}

/// Whether people sign in through a provider now.
async fn open(db: &OrgScope, provider: &Provider) -> Result<bool> {
    let settings = settings::store::authentication_get(db).await?;
    let kind = match provider.config {
        Config::Oidc(_) => settings.oidc_auth_enabled,
        Config::Saml(_) => settings.saml_auth_enabled,
    };
    Ok(provider.enabled && kind && organizations::store::organization_get(db).await?.state == "active")
}

/// Where a browser has to go.
enum Onward {
    /// To this address.
    Link(String),
    /// To this address, with these fields.
    Form { action: url::Url, fields: Vec<(String, String)> },
}

/// What a provider is asked.
struct Asked {
    onward: Onward,
    /// What has to be remembered of it.
    request: Option<String>,
}

impl Onward {
    /// Leads there; by a form only if the person sends it.
    fn page(self, visit: &Visit) -> Result<Page> {
        match self {
            Self::Link(url) => Page::see_other(&url, visit.keep()?),
            Self::Form { action, fields } => {
                let origin = action.origin().ascii_serialization();
                let host = action.host_str().unwrap_or_default().to_owned();
                let more = context! { action => action.as_str(), fields, host };
                Ok(visit.page("sso_form.html", "Single sign-on", more)?.with_forms_to(&origin))
            }
        }
    }
}

/// Begins a sign-in: where the browser has to go.
async fn begin(cx: &Cx, visit: &Visit, login_path: &str, return_to: &str) -> Result<Onward, Halt> {
    let app = cx.app();
    let (org_id, provider) = entrance(app, visit, login_path).await?;
    let state = BASE64_URL_SAFE_NO_PAD.encode(app.random_key());
    let Asked { onward, request } = ask(app, org_id, &provider, &state).await?;
    let attempt = Attempt {
        org_id,
        identity_provider_id: provider.id,
        browser_hash: Some(browser_hash(app, visit)),
        rehearsal: false,
        return_to: return_to.to_owned(),
        request,
        answer: None,
        expires_at: now(app).plus(LIFE),
    };
    keep(cx, &state, &attempt).await?;
    Ok(onward)
}

/// Writes down that a sign-in is under way.
async fn keep(cx: &Cx, state: &str, attempt: &Attempt) -> Result<()> {
    let (app, ip) = (cx.app(), cx.origin().ip.to_string());
    if store::attempt_count(&cx.platform(), &ip, now(app)).await? >= MOST_UNDER_WAY {
        return Err(Problem::TooManyRequests(Duration::from_secs(60)));
    }
    store::attempt_insert(&cx.platform(), state_hash(app, state), attempt, &ip).await?;
    Ok(())
}

/// How a provider is asked to sign somebody in.
async fn ask(app: &App, org: OrgId, provider: &Provider, state: &str) -> Result<Asked, Halt> {
    match &provider.config {
        Config::Oidc(config) => {
            let url = oidc::begin(app, config, state).await?;
            Ok(Asked { onward: Onward::Link(url), request: None })
        }
        Config::Saml(config) => saml::begin(app, org, provider, config, state).await,
    }
}

/// The API's way in: `302` to the provider (contract: `authenticate-sso`).
async fn authenticate(cx: Cx, Segment(path): Segment, visit: Visit, query: Query) -> Result<Leave> {
    let back = wanted_return(&cx, &query, "return_to")?;
    leave(&cx, path, &visit, &query, back).await
}

/// The same as the published sign-in elements have it, who say as well where the provider sends people back to.
async fn authenticate_older(cx: Cx, Segment(path): Segment, visit: Visit, query: Query) -> Result<Leave> {
    let back = wanted_return(&cx, &query, "returnTo")?;
    let ours = format!("{}/login", cx.app().settings.public_url);
    if query.get("callback_url").is_some_and(|callback| callback != ours) {
        let rule = format!("must be {ours}: providers send people back to nowhere else");
        return Err(Problem::Invalid(vec![Invalid::query("callback_url", Fault::Rule(rule))]));
    }
    leave(&cx, path, &visit, &query, back).await
}

/// What an element at that place passes on, if a provider sent somebody there.
async fn callback_older(cx: Cx, visit: Visit, query: Query) -> Result<Page> {
    match callback(&cx, &visit, &query).await {
        Some(page) => page,
        None => Page::see_other("/login", Vec::new()),
    }
}

async fn leave(cx: &Cx, path: String, visit: &Visit, query: &Query, back: String) -> Result<Leave> {
    let path = match query.get("org_id").filter(|_| path == FEDERATED) {
        Some(org) => match organization_path(cx.app(), org).await? {
            Some(path) => path,
            None => {
                let location = format!("/login?return_to={}", encode(&back));
                return Ok(Leave { location, headers: visit.keep()? });
            }
        },
        None => path,
    };
    match begin(cx, visit, &path, &back).await {
        Ok(Onward::Link(location)) => Ok(Leave { location, headers: visit.keep()? }),
        // A form needs a page; that sign-in is given up, and another begins there.
        Ok(Onward::Form { .. }) => {
            let location = format!("/login/{}?return_to={}", encode(&path), encode(&back));
            Ok(Leave { location, headers: visit.keep()? })
        }
        Err(Halt::Refused(502, _)) => Err(Problem::Unavailable("The identity provider cannot be reached")),
        Err(Halt::Refused(_, why)) => {
            Err(Problem::Invalid(vec![Invalid::path("organizationLoginPath", Fault::Rule(why))]))
        }
        Err(Halt::Problem(problem)) => Err(problem),
    }
}

/// In place of a login path: the organization is in the query, as `get-auth0-organizations-internal` lists it.
const FEDERATED: &str = "federated";

/// The login path of an organization; `None` if it signs in without a provider.
async fn organization_path(app: &App, org: &str) -> Result<Option<String>> {
    let missing =
        || Problem::Invalid(vec![Invalid::query("org_id", Fault::Rule("names no organization".to_owned()))]);
    let org: OrgId = org.parse().map_err(|_| missing())?;
    let db = PlatformScope::new(app.db.read()).org(org);
    let path = identity_providers::store::login_path_enabled(&db).await?;
    Ok(path.filter(|path| !path.is_empty()))
}

/// Where to go after signing in: a path of ours, also written as a whole URL; nothing else.
fn wanted_return(cx: &Cx, query: &Query, name: &'static str) -> Result<String> {
    let Some(text) = query.get(name).filter(|text| !text.is_empty()) else {
        return Ok(return_to(None).to_owned());
    };
    let path = text.strip_prefix(&cx.app().settings.public_url).unwrap_or(text);
    let path = if path.is_empty() { "/" } else { path };
    if return_to(Some(path)) == path {
        return Ok(path.to_owned());
    }
    let rule = "must be a path of this service, or a URL below its public URL".to_owned();
    Err(Problem::Invalid(vec![Invalid::query(name, Fault::Rule(rule))]))
}

/// The page's way in.
async fn door_page(cx: Cx, Segment(path): Segment, visit: Visit, query: Query) -> Result<Page> {
    let back = return_to(query.get("return_to")).to_owned();
    match begin(&cx, &visit, &path, &back).await {
        Ok(onward) => onward.page(&visit),
        Err(halt) => halted(&visit, halt, None),
    }
}

/// Asks for the name under which an organization signs in, then leads on by a link: a form must not lead
/// to another site.
async fn doors_page(cx: Cx, visit: Visit, query: Query) -> Result<Page> {
    let back = return_to(query.get("return_to"));
    let path = query.get("path").unwrap_or_default().trim();
    let (mut error, mut link, mut host) = (String::new(), String::new(), String::new());
    if !path.is_empty() {
        match entrance(cx.app(), &visit, path).await {
            Ok((_, provider)) => {
                link = format!("/login/{path}?return_to={}", encode(back));
                host = place(&provider);
            }
            Err(Halt::Refused(_, why)) => error = why,
            Err(Halt::Problem(problem)) => return Err(problem),
        }
    }
    visit.page("sso.html", "Single sign-on", context! { return_to => back, path, error, link, host })
}

/// The host that a provider is known by.
fn place(provider: &Provider) -> String {
    let address = match &provider.config {
        Config::Oidc(config) => Some(&config.issuer_url),
        Config::Saml(config) => config.idp_metadata_url.as_ref(),
    };
    let host = address.and_then(|address| url::Url::parse(address).ok()?.host_str().map(str::to_owned));
    host.unwrap_or_else(|| "your company".to_owned())
}

/// Says why it does not go on, and where to try again.
fn halted(visit: &Visit, halt: Halt, again: Option<String>) -> Result<Page> {
    match halt {
        Halt::Refused(status, why) => {
            let again = again.unwrap_or_else(|| "/sso".to_owned());
            Ok(visit
                .page("sso_refused.html", "You are not signed in", context! { why, again })?
                .status(status))
        }
        Halt::Problem(problem) => Err(problem),
    }
}

/// What a provider sent a browser back with; `None` if this is no such visit.
pub async fn callback(cx: &Cx, visit: &Visit, query: &Query) -> Option<Result<Page>> {
    let state = query.get("state")?;
    let answer = oidc::Answer { code: query.get("code"), iss: query.get("iss"), error: query.get("error") };
    Some(finish(cx, visit, state, &answer).await)
}

async fn finish(cx: &Cx, visit: &Visit, state: &str, answer: &oidc::Answer<'_>) -> Result<Page> {
    let app = cx.app();
    let attempt = match take(app, visit, state).await {
        Ok(attempt) => attempt,
        Err(halt) => return halted(visit, halt, None),
    };
    let db = PlatformScope::new(app.db.read()).org(attempt.org_id);
    visit.within(&db).await?;
    let provider = identity_providers::store::provider_get(&db, attempt.identity_provider_id).await?;
    let Some(provider) = provider else { return halted(visit, Halt::Refused(403, CLOSED.to_owned()), None) };
    let may = attempt.rehearsal || open(&db, &provider).await?;
    // No connection is held while the provider is asked.
    drop(db);
    let believed = match (&provider.config, may) {
        (Config::Oidc(config), true) => oidc::finish(app, &provider, config, state, answer).await,
        (Config::Saml(_), true) => acs::answered(app, state, &attempt),
        _ => refused(CLOSED),
    };
    let login = format!("/login/{}?return_to={}", provider.login_path, encode(&attempt.return_to));
    match believed {
        Ok(arrival) if attempt.rehearsal => rehearsal::show(cx, visit, &attempt, &provider, &arrival).await,
        Ok(arrival) => match arrive(cx, &attempt, &provider, &arrival).await {
            Ok(cookies) => Page::see_other(&attempt.return_to, cookies.into_headers()),
            Err(halt) => halted(visit, halt, Some(login)),
        },
        Err(halt) => {
            if let Halt::Refused(..) = halt {
                audit(cx, attempt.org_id, Outcome::Invalid, String::new()).await?;
            }
            halted(visit, halt, (!attempt.rehearsal).then_some(login))
        }
    }
}

/// Uses up a sign-in that is under way: nobody can use it again, whatever becomes of it.
async fn take(app: &App, visit: &Visit, state: &str) -> Result<Attempt, Halt> {
    let hash = state_hash(app, state);
    let session = app.db.write();
    let db = PlatformScope::new(session.clone());
    let attempt = store::attempt_get(&db, hash, now(app)).await?;
    let mine = attempt.filter(|attempt| attempt.browser_hash == Some(browser_hash(app, visit)));
    let used = match &mine {
        Some(_) => store::attempt_delete(&db, hash).await?,
        None => 0,
    };
    session.commit().await?;
    match mine {
        Some(attempt) if used == 1 => Ok(attempt),
        _ => Err(Halt::Refused(
            400,
            "This sign-in was begun in another browser, took too long, or is done already. Begin again."
                .to_owned(),
        )),
    }
}

/// Lets somebody in whom a provider vouches for.
async fn arrive(cx: &Cx, attempt: &Attempt, provider: &Provider, arrival: &Arrival) -> Result<Cookies, Halt> {
    let db = cx.platform().org(attempt.org_id);
    let email = arrival.address()?;
    // The same person twice at once is not made twice.
    db.serialize(&format!("arrival {}", email.folded())).await?;
    let plan = match people::plan(&db, provider, arrival).await {
        Ok(plan) => plan,
        Err(halt) => {
            if let Halt::Refused(..) = halt {
                audit(cx, attempt.org_id, Outcome::NotFound, email.as_str().to_owned()).await?;
            }
            return Err(halt);
        }
    };
    let user = people::carry_out(cx, &db, provider, arrival, &plan).await?;
    let principal = user.map_or_else(|| email.as_str().to_owned(), |user| user.to_string());
    match (plan.refusal, user) {
        (None, Some(user)) => {
            audit(cx, attempt.org_id, Outcome::Success, principal).await?;
            enter(cx, &db, provider, user).await.map_err(Halt::from)
        }
        (refusal, user) => {
            let outcome = if user.is_some() { Outcome::Disabled } else { Outcome::NotFound };
            audit(cx, attempt.org_id, outcome, principal).await?;
            refused(refusal.unwrap_or(CLOSED))
        }
    }
}

async fn enter(cx: &Cx, db: &OrgScope, provider: &Provider, user: UserId) -> Result<Cookies> {
    let method = match provider.config {
        Config::Oidc(_) => Method::Oidc,
        Config::Saml(_) => Method::Saml,
    };
    let beginning = Beginning { user, method, client: None, origin: cx.origin() };
    let session = session_begin(cx.app(), db, &beginning).await?;
    Cookies::of_new(cx.app(), db, &session).await
}

async fn audit(cx: &Cx, org: OrgId, outcome: Outcome, principal: String) -> Result<()> {
    cx.audit_authentication(&cx.platform().org(org), Authentication { kind: "sso", outcome, principal }).await
}
