//! Organizations on demand: each suite of tests gets its own, with its token, and leaves it behind or removes it.

pub mod http;

use std::sync::Arc;

use frame::{
    Cx,
    db::PlatformScope,
    from_row,
    input::At,
    reply::{Created, Done, Found},
};
use identity::organizations::{Founded, Founding, organization_found, store};
use kernel::{
    Body, Draft, Email, Fault, Fields, OrgId, Problem, Result, Timestamp, Token, TokenKind, UserId,
    id::kinds,
    rules::{EmailAddress, Faults, Integer, Rule, text},
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    StandIn,
    chance::{Given, Stream},
    clocks::{ClockChange, Setting},
};

/// A token of a kind, given by whoever wants to know it beforehand.
pub struct GivenToken(pub TokenKind);

impl Rule for GivenToken {
    type Out = Token;
    fn read(&self, value: &Value) -> Result<Token, Faults> {
        let Some(text) = value.as_str() else { return Err(vec![(None, Fault::NotAString)]) };
        Token::parse(text).filter(|token| token.kind() == self.0).ok_or_else(|| {
            let prefix = self.0.prefix();
            vec![(
                None,
                Fault::Rule(format!("must be a token that begins with [{prefix}_] and whose checksum fits")),
            )]
        })
    }
    fn schema(&self) -> Value {
        json!({ "type": "string", "writeOnly": true, "pattern": format!("^{}_[0-9A-Za-z]{{49}}$", self.0.prefix()) })
    }
}

/// An organization to be made.
#[derive(Default)]
pub struct NewOrganization {
    /// Its name.
    pub name: Option<String>,
    /// Its owner's address.
    pub email: Option<Email>,
    /// The hash of its owner's password, if the owner is to sign in with one.
    pub password_hash: Option<String>,
    /// Its owner's token.
    pub token: Option<Token>,
    /// The number that its ids and secrets follow from.
    pub random: Option<u64>,
    /// Its time, if that is not the machine's.
    pub clock: Option<ClockChange>,
    /// Its id, and its owner's.
    pub ids: (Option<OrgId>, Option<UserId>),
}

impl Body for NewOrganization {
    const NAME: &'static str = "StandInNewOrganization";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.optional("name", text(1, 250));
        let email = fields.optional("owner_email", EmailAddress);
        let token = fields.optional("token", GivenToken(TokenKind::Personal));
        let random = fields.optional("random", Integer { least: 0, most: i64::MAX });
        let clock = fields.object("clock");
        Some(Self {
            name: name?,
            email: email?,
            password_hash: None,
            token: token?,
            random: random?.map(i64::unsigned_abs),
            clock: clock?,
            ids: (None, None),
        })
    }
}

/// What a new organization is called by. The token is shown here and never again.
#[derive(Serialize, schemars::JsonSchema)]
pub struct FreshOrganization {
    /// Its id.
    pub organization_id: OrgId,
    /// Its owner.
    pub owner_id: UserId,
    /// Its owner's address.
    #[schemars(extend("format" = "email"))]
    pub owner_email: String,
    /// Its owner's personal access token, good for a year.
    pub token: String,
    /// Where it is called.
    pub base_url: String,
}

/// An organization of the stand-in.
#[derive(Serialize, schemars::JsonSchema)]
pub struct KnownOrganization {
    /// Its id.
    pub id: OrgId,
    /// Its name.
    pub name: String,
    /// When it was made, by its own time.
    pub created_at: Timestamp,
}

from_row!(KnownOrganization { id, name, created_at });

/// Every organization of the stand-in.
#[derive(Serialize, schemars::JsonSchema)]
pub struct KnownOrganizations {
    /// The organizations, in the order in which they were made.
    data: Vec<KnownOrganization>,
}

/// Makes an organization.
pub async fn make(standin: &Arc<StandIn>, new: NewOrganization) -> Result<FreshOrganization> {
    let app = standin.app()?;
    let drawn = random_word(app);
    let email = match new.email {
        Some(email) => email,
        // Persons are known to the whole installation, so each owner needs an address of its own.
        None => {
            let address = match new.random {
                Some(number) => format!("owner-{number}@stand-in.test"),
                None => format!("owner-{drawn}@stand-in.test"),
            };
            Email::parse(&address).ok_or_else(|| Problem::internal("an address that is none"))?
        }
    };
    let setting: Option<Setting> = new.clock.as_ref().map(|change| standin.clocks.changed(None, change));
    let stream = match (new.random, standin.random) {
        (Some(number), _) => Some(Stream::new(number, "organization")),
        (None, Some(number)) => Some(Stream::new(number, &format!("organization {}", email.as_str()))),
        (None, None) => None,
    };
    let stream = stream.map(Arc::new);
    let founding = Founding {
        name: new.name.unwrap_or_else(|| "Stand-in organization".to_owned()),
        email: email.clone(),
        password_hash: new.password_hash,
        token: new.token,
        only_first: false,
    };
    let given = Given::default().with_id::<kinds::Organization>(new.ids.0).with_id::<kinds::User>(new.ids.1);
    let found = standin.clocks.beginning(setting, organization_found(app, founding));
    let founded = standin.chance.drawing(stream.clone(), given, found).await;
    let founded = founded.map_err(|problem| match problem {
        Problem::Conflict(_) => Problem::Conflict(
            "An organization with these ids exists already: the same [random] gives the same ids, so the earlier one \
             must be removed first"
                .to_owned(),
        ),
        other => other,
    })?;
    let Founded { organization, owner, token } =
        founded.ok_or_else(|| Problem::internal("an organization was wanted and none was made"))?;
    standin.clocks.set(organization, setting);
    standin.chance.set(organization, stream);
    Ok(FreshOrganization {
        organization_id: organization,
        owner_id: owner,
        owner_email: email.as_str().to_owned(),
        token: token.reveal().to_owned(),
        base_url: app.settings.public_url.clone(),
    })
}

fn random_word(app: &frame::App) -> String {
    let mut bytes = [0; 6];
    app.entropy.fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The organization, or 404.
pub async fn require(cx: &Cx, org: OrgId) -> Result<()> {
    // Not in the request's own transaction: what the stand-in does has transactions of its own, and SQLite has one
    // writer.
    let known = store::organization_ids(&PlatformScope::new(cx.app().db.read())).await?;
    if known.contains(&org) { Ok(()) } else { Err(Problem::NotFound("organization")) }
}

async fn organization_make(cx: Cx, draft: Draft<NewOrganization>) -> Result<Created<FreshOrganization>> {
    make(StandIn::of(&cx)?, draft.parse()?).await.map(Created)
}

async fn organization_list(cx: Cx) -> Result<Found<KnownOrganizations>> {
    let sql = "SELECT org_id AS id, name, created_at FROM organizations ORDER BY created_at, org_id";
    let data = PlatformScope::new(cx.app().db.read()).all(sql, vec![]).await?;
    Ok(Found(KnownOrganizations { data }))
}

async fn organization_remove(cx: Cx, At(org): At<OrgId>) -> Result<Done> {
    require(&cx, org).await?;
    let standin = StandIn::of(&cx)?;
    cx.app().db.organization_purge(org).await?;
    standin.forget(cx.app(), org);
    Ok(Done)
}
