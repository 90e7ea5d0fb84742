//! Invites: an address becomes a user that is not active until its person accepts.

mod accept;
pub mod http;
pub mod store;

pub use accept::{Names, Pending, invite_accept, invite_find};

use frame::{
    Cx,
    db::OnConflict,
    mail,
    pages::Template,
    principal::User,
    reply::{JSON, Reply, ReplySpec, Response},
};
use kernel::{
    Action, Body, Draft, Duration, Email, Fields, Problem, Result, Token, TokenKind, UserId,
    rules::EmailAddress,
};
use serde_json::json;

use crate::{persons, users};

/// Whom to invite.
pub struct NewInvite(Email);

impl Body for NewInvite {
    const NAME: &'static str = "InviteUser";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.required("email", EmailAddress).map(Self)
    }
}

/// 201 without a body; with the link in one if the operator wants that.
pub struct Invited(Option<String>);

impl Reply for Invited {
    fn spec() -> ReplySpec {
        ReplySpec { status: 201, ..ReplySpec::EMPTY }
    }
    fn respond(self) -> Result<Response> {
        Ok(match self.0 {
            Some(link) => Response::with_body(201, JSON, json!({ "link": link }).to_string().into_bytes()),
            None => Response::empty(201),
        })
    }
}

/// What an invited person gets.
pub const LETTER: Template = ("invite.txt", include_str!("../../templates/invite.txt"));

const HOUR: Duration = Duration::from_secs(3600);
/// How often one address may be invited in an hour.
const PER_ADDRESS: i64 = 10;

async fn invite_create(cx: Cx, draft: Draft<NewInvite>) -> Result<Invited> {
    let NewInvite(email) = draft.parse()?;
    // One at a time, so that the limit and the question whether the user exists hold.
    cx.db().serialize("invites").await?;
    let known = users::store::user_get_by_email(cx.db(), &email).await?;
    if known.as_ref().is_some_and(|user| user.active) {
        return Err(Problem::Conflict("User is already active".to_owned()));
    }
    check_limits(&cx, known.as_ref()).await?;
    let user = match known {
        Some(user) => user.id,
        None => pending_user(&cx, &email).await?,
    };
    let link = link_issue(&cx, &email, user).await?;
    store::invite_insert(cx.db(), user, cx.now()).await?;
    cx.audit(Action::Create, format!("invites/{user}"), json!({ "after": { "email": email } })).await?;
    Ok(Invited(cx.app().settings.show_invite_links.then_some(link)))
}

async fn check_limits(cx: &Cx, known: Option<&User>) -> Result<()> {
    let since = cx.now().minus(HOUR);
    let most = i64::from(cx.app().settings.invites_per_hour);
    let sent = store::invite_count(cx.db(), None, since).await?;
    let to_address = match known {
        Some(user) => store::invite_count(cx.db(), Some(user.id), since).await?,
        None => 0,
    };
    if sent < most && to_address < PER_ADDRESS {
        return Ok(());
    }
    let user = known.filter(|_| to_address >= PER_ADDRESS).map(|user| user.id);
    let oldest = store::invite_oldest(cx.db(), user, since).await?.unwrap_or_else(|| cx.now());
    Err(Problem::TooManyRequests(oldest.plus(HOUR).since(cx.now())))
}

async fn pending_user(cx: &Cx, email: &Email) -> Result<UserId> {
    let now = cx.now();
    let person = persons::person_ensure(&cx.platform(), cx.new_id(), email, now).await?;
    let user = User {
        id: cx.new_id(),
        email: email.as_str().to_owned(),
        // Nobody has said a name yet, and a name is never blank.
        full_name: email.as_str().to_owned(),
        preferred_name: String::new(),
        active: false,
        inferred_region: None,
        created_at: now,
        updated_at: now,
    };
    let inserted = users::store::user_insert(cx.db(), &user, person).await;
    inserted.map_err(users::store::gone_meanwhile).map_err(|error| match error {
        frame::db::DbError::Unique => Problem::Conflict("User is already active".to_owned()),
        other => other.into(),
    })?;
    Ok(user.id)
}

/// Makes the one-time link, which replaces earlier ones, and mails it.
async fn link_issue(cx: &Cx, email: &Email, user: UserId) -> Result<String> {
    let app = cx.app();
    let token = Token::new(TokenKind::Invite, app.random_key());
    let hash = token.hash(app.vault.token_key());
    let expires_at = cx.now().plus(app.settings.invite_lifetime);
    let replaced = store::link_replace(cx.db(), user, hash, expires_at).await;
    replaced.on_conflict(|| "The invite collided with another; send it again".to_owned())?;
    let link = format!("{}/invites/accept?token={}", app.settings.public_url, token.reveal());
    let organization = crate::organizations::store::organization_get(cx.db()).await?;
    let context = json!({
        "organization": organization.name, "url": app.settings.public_url, "link": link, "before": expires_at.for_people(),
    });
    mail::post(app, cx.db(), email, LETTER.0, context).await?;
    Ok(link)
}
