//! What is refused before a handler runs, in this order: credential, its kind, what the
//! organization lays on every caller, body syntax, permission.

use std::{sync::Arc, time::Duration};

use axum::body::{Body, HttpBody};
use http::{HeaderMap, Method, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kernel::{
    Action, Fault, Invalid, OrgId, Problem, Reach, Result, WallClock, json, problem::Denied, query::pairs,
};
use serde_json::Value;

use crate::{
    App, Settings,
    access::Presented,
    audit::{self, Event, Origin},
    db::OrgScope,
    operations::{Need, Rule, Spec},
    portals::{DEVELOPER_COOKIE, Portals, Site, host_name},
    principal::{Callers, CredentialKind, Principal, Who},
};

/// Largest request body.
pub const BODY_LIMIT: usize = 1 << 20;

/// How much of a body that nobody reads is read past, and for how long.
const PAST_LIMIT: usize = 32 << 20;
const PAST_TIME: Duration = Duration::from_secs(10);

/// What tells who sent a request, and to which host.
pub struct Sent<'r> {
    /// The host, as it was written.
    pub authority: &'r str,
    /// The headers.
    pub headers: &'r HeaderMap,
}

/// Finds out at which portal the request came in, if the operation is served there; who calls; and whether with a
/// credential that the operation takes. The caller is known even when it is refused.
pub async fn admit(
    app: &App,
    spec: &Spec,
    sent: &Sent<'_>,
    origin: &Origin,
    caller: &mut Arc<Principal>,
) -> Result<Option<Site>> {
    let site = if spec.portal { Some(site(app, spec, sent).await?) } else { None };
    if spec.callers == Callers::NONE {
        return Ok(site);
    }
    match identify(app, spec, site, sent, origin, caller).await {
        Err(Problem::Unauthenticated) if spec.open => {
            // Whoever was refused is nobody here.
            *caller = Arc::new(Principal::nobody());
            Ok(site)
        }
        result => result.map(|()| site),
    }
}

/// The portal at whose host a request came in. What another site's page made a browser send changes nothing there:
/// it may neither use a developer's cookie nor sign the browser in as somebody of its choice.
async fn site(app: &App, spec: &Spec, sent: &Sent<'_>) -> Result<Site> {
    let host = host_name(sent.authority);
    let site = app.part::<Arc<dyn Portals>>()?.at(&host).await?.ok_or(Problem::NotFound("portal"))?;
    if spec.method == Method::GET || from_portals_pages(&app.settings, sent) {
        return Ok(site);
    }
    Err(Problem::Forbidden(Denied::Because("The request was made by a page of another site".to_owned())))
}

async fn identify(
    app: &App,
    spec: &Spec,
    site: Option<Site>,
    sent: &Sent<'_>,
    origin: &Origin,
    caller: &mut Arc<Principal>,
) -> Result<()> {
    let presented = match site {
        Some(site) if site.authentication => presented_at_portal(sent.headers),
        Some(_) => None,
        None => presented(app, spec, sent.headers),
    };
    let presented = presented.ok_or(Problem::Unauthenticated)?;
    let hash = presented.hash(app.vault.token_key());
    let now = |org: Option<OrgId>| match org {
        Some(org) => app.clock.now(org),
        None => WallClock::now(&*app.wall),
    };
    let principal = app.access.principal(&presented, hash, now).await?.ok_or(Problem::Unauthenticated)?;
    // A developer of another portal is nobody at this one.
    if principal.developer().map(|developer| developer.portal) != site.map(|site| site.portal) {
        return Err(Problem::Unauthenticated);
    }
    caller.clone_from(&principal);
    let kind =
        principal.credential.as_ref().map(|credential| credential.kind).ok_or(Problem::Unauthenticated)?;
    if !spec.callers.contains(kind) {
        return Err(if spec.wrong_kind_is_403 {
            Problem::Forbidden(Denied::Credential)
        } else {
            Problem::Unauthenticated
        });
    }
    if principal.org.is_some() {
        obey_policy(&principal, kind, origin)?;
    }
    Ok(())
}

fn obey_policy(principal: &Principal, kind: CredentialKind, origin: &Origin) -> Result<()> {
    let policy = &principal.policy;
    if !policy.active {
        return Err(Problem::Forbidden(Denied::Because("The organization is not active".to_owned())));
    }
    if kind == CredentialKind::Personal && !policy.pats_enabled {
        // The switch turns these tokens off; a token that is off is no valid token.
        return Err(Problem::Unauthenticated);
    }
    if let Some(allowed) = &policy.allow_list
        && !allowed.iter().any(|net| net.contains(&origin.ip))
    {
        let why = format!("The address [{}] is not on the organization's IP allow list", origin.ip);
        return Err(Problem::Forbidden(Denied::Because(why)));
    }
    Ok(())
}

/// The cookie that holds a session's access token.
pub const ACCESS_COOKIE: &str = "konnectaccesstoken";

/// The credential that a request brings: a bearer token, else a browser's session.
fn presented(app: &App, spec: &Spec, headers: &HeaderMap) -> Option<Presented> {
    if let Some(text) = bearer(headers) {
        return Presented::parse(text).filter(|presented| !presented.is_developers());
    }
    if !spec.callers.contains(CredentialKind::Session) {
        return None;
    }
    let text = cookie(headers, ACCESS_COOKIE)?;
    // A browser sends cookies whoever made it send the request.
    (spec.method == Method::GET || from_our_pages(&app.settings.public_url, headers))
        .then(|| Presented::parse(text))?
}

/// The credential that a request brings to a portal: the cookie of a developer.
fn presented_at_portal(headers: &HeaderMap) -> Option<Presented> {
    Presented::parse(cookie(headers, DEVELOPER_COOKIE)?).filter(Presented::is_developers)
}

/// Whether a page at the same portal made the browser send this, or no browser did.
fn from_portals_pages(settings: &Settings, sent: &Sent<'_>) -> bool {
    let scheme = settings.public_url.split_once("://").map_or("https", |(scheme, _)| scheme);
    from_our_pages(&format!("{scheme}://{}", sent.authority.to_ascii_lowercase()), sent.headers)
}

/// The text of a bearer token.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The value of a cookie.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut cookies = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    cookies.find(|(given, _)| *given == name).map(|(_, value)| value)
}

/// Whether a page of ours made the browser send this, or no browser did: `Sec-Fetch-Site` says so, or
/// `Origin` where a browser does not send that.
pub fn from_our_pages(public_url: &str, headers: &HeaderMap) -> bool {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    match text(header::HeaderName::from_static("sec-fetch-site")) {
        Some(site) => matches!(site, "same-origin" | "none"),
        None => text(header::ORIGIN).is_none_or(|origin| {
            // The public URL may have a path, an origin has none.
            public_url.strip_prefix(origin).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }),
    }
}

/// Reads a body: JSON, or a form as an object of strings. An empty one is none; a missing content type
/// is taken for the one that the operation wants.
pub async fn read_body(spec: &Spec, headers: &HeaderMap, body: &mut Body) -> Result<Option<Value>> {
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > BODY_LIMIT as u64) {
        return Err(Problem::TooLarge(BODY_LIMIT));
    }
    let collected = Limited::new(body, BODY_LIMIT).collect().await;
    let bytes = collected.map(http_body_util::Collected::to_bytes).map_err(|error| {
        if error.is::<LengthLimitError>() {
            Problem::TooLarge(BODY_LIMIT)
        } else {
            Problem::Invalid(vec![Invalid::unreadable("the body ended early")])
        }
    })?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if spec.form {
        let form = media_type(headers).is_none_or(|essence| essence == FORM);
        return if form { read_form(&bytes).map(Some) } else { Err(Problem::UnsupportedMediaType) };
    }
    if !is_json(headers) {
        return Err(Problem::UnsupportedMediaType);
    }
    json::parse(&bytes).map(Some).map_err(|reason| Problem::Invalid(vec![Invalid::unreadable(reason)]))
}

/// Reads past what is left of a body, beside the reply: a connection that is closed on a client who is
/// still sending may take the reply with it.
pub fn read_past(headers: &HeaderMap, mut body: Body) {
    // Who waits to be told to go on has sent nothing, and then will not.
    if body.is_end_stream() || headers.contains_key(header::EXPECT) {
        return;
    }
    tokio::spawn(tokio::time::timeout(PAST_TIME, async move {
        let mut left = PAST_LIMIT;
        while left > 0 {
            let Some(Ok(frame)) = body.frame().await else { return };
            left = left.saturating_sub(frame.data_ref().map_or(0, |data| data.len()));
        }
    }));
}

/// The content type of forms.
const FORM: &str = "application/x-www-form-urlencoded";

/// The content type without its parameters; `None` if there is none.
fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().unwrap_or_default();
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

fn is_json(headers: &HeaderMap) -> bool {
    media_type(headers).is_none_or(|essence| {
        essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
    })
}

/// A form as an object of strings, so that one kind of reader serves both.
fn read_form(bytes: &[u8]) -> Result<Value> {
    let unreadable = |why: &str| Problem::Invalid(vec![Invalid::unreadable(why)]);
    let text = std::str::from_utf8(bytes).map_err(|_| unreadable("the form is not UTF-8"))?;
    let mut object = serde_json::Map::new();
    for (name, value) in pairs(text)? {
        if object.contains_key(&name) {
            return Err(Problem::Invalid(vec![Invalid::body(name, Fault::Repeated)]));
        }
        object.insert(name, Value::String(value.unwrap_or_default()));
    }
    Ok(Value::Object(object))
}

/// Checks the permission that the operation declares.
pub fn authorize(settings: &Settings, spec: &Spec, principal: &Principal, path: &[String]) -> Result<()> {
    let parameter =
        |name: &str| spec.path_parameters().position(|given| given == name).and_then(|n| path.get(n));
    let names_caller = |parameter: Option<&String>, caller: Option<String>| {
        parameter.is_some() && parameter == caller.as_ref()
    };
    let own_user = || names_caller(parameter("userId"), principal.user().map(|user| user.id.to_string()));
    let own_account = || match &principal.who {
        Who::SystemAccount(id, _) => names_caller(parameter("accountId"), Some(id.to_string())),
        _ => false,
    };
    let region = |need: &Need| if need.regional { &*settings.region } else { "*" };
    let permits =
        |need: &Need| principal.permissions.allows(need.action, region(need), &fill(need.path, spec, path));
    let permits_some = |need: &Need| {
        let kind = need.path.trim_end_matches("/*");
        principal.permissions.reach(need.action, region(need), kind) != Reach::Only(Vec::new())
    };
    let (allowed, need) = match &spec.rule {
        Rule::Public => (true, None),
        Rule::Member => (principal.org.is_some(), None),
        Rule::Platform => (matches!(&principal.who, Who::Service(_)), None),
        Rule::Developer => (principal.developer().is_some(), None),
        Rule::SelfOnly => (own_user(), None),
        Rule::Needs(need) => (permits(need), Some(need)),
        Rule::NeedsSome(need) => (permits_some(need), Some(need)),
        Rule::SelfOr(need) => (own_user() || permits(need), Some(need)),
        Rule::AccountOr(need) => (own_account() || permits(need), Some(need)),
    };
    if let Who::Service(service) = &principal.who
        && !service.may(spec.id)
    {
        let why = format!("The service's token is not for the operation [{}]", spec.id);
        return Err(Problem::Forbidden(Denied::Because(why)));
    }
    if allowed {
        return Ok(());
    }
    Err(Problem::Forbidden(match need {
        Some(need) => Denied::MissingRole(need.role.to_owned()),
        None => Denied::Credential,
    }))
}

/// Puts the path parameters into a resource path.
fn fill(template: &str, spec: &Spec, path: &[String]) -> String {
    if !template.contains('{') {
        return template.to_owned();
    }
    let value = |segment: &str| {
        let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'))?;
        let at = spec.path_parameters().position(|given| given == name)?;
        // A slash or star in a parameter must not reach into the pattern's own language.
        path.get(at).map(|value| value.replace(['/', '*'], "_"))
    };
    let segments = template.split('/').map(|segment| value(segment).unwrap_or_else(|| segment.to_owned()));
    segments.collect::<Vec<_>>().join("/")
}

/// Writes the refusal into the audit log, beside the request: a refusal must not wait for a disk, and
/// a flood of them must not either.
pub fn note_refusal(
    app: &App,
    spec: &Spec,
    principal: &Arc<Principal>,
    path: &[String],
    origin: &Arc<Origin>,
) {
    let Some(org) = principal.org else { return };
    let (action, path) = match spec.rule.need() {
        Some(need) => (need.action, fill(need.path, spec, path)),
        // No permission would have done, so the request itself says what was tried.
        None => (attempted(&spec.method), fill(spec.path.trim_start_matches("/v3/"), spec, path)),
    };
    let Some(permit) = app.refusals.try_acquire() else { return };
    let (app, principal, origin) = (app.clone(), Arc::clone(principal), Arc::clone(origin));
    let (service, region) = spec.home(&app.settings);
    let region = region.to_owned();
    tokio::spawn(async move {
        let session = app.db.write();
        let scope = OrgScope::new(session.clone(), org);
        let event = Event {
            principal: &principal,
            origin: &origin,
            action,
            home: (service, &region),
            path,
            granted: false,
            change: Value::Null,
        };
        let written = audit::record(&scope, &app.vault, app.clock.now(org), event).await;
        if let Err(error) = match written {
            Ok(()) => session.commit().await.map_err(Problem::from),
            Err(error) => Err(error),
        } {
            tracing::warn!(%error, "a refusal is missing from the audit log");
        }
        drop(permit);
    });
}

const fn attempted(method: &Method) -> Action {
    match *method {
        Method::POST => Action::Create,
        Method::PUT | Method::PATCH => Action::Edit,
        Method::DELETE => Action::Delete,
        _ => Action::Read,
    }
}
