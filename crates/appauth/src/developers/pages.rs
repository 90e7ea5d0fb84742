//! The page behind a link that comes by mail, at the portal's own host: choosing a password. It takes the token of
//! either kind of mail. A portal whose pages are elsewhere has letters of its own, and uses the API.

use frame::{
    Cx,
    input::Query,
    pages::{Page, Template, Visit},
};
use kernel::{Body, Draft, Fields, Id, Invalid, Problem, Result, Secret, rules::text};
use serde_json::json;

use super::{
    Status,
    account::{password_prepare, password_put},
    context::site_with_sign_in,
    home_require,
    links::{self, Purpose},
};

/// The templates.
pub const TEMPLATES: [Template; 1] =
    [("developer_password.html", include_str!("../../templates/developer_password.html"))];

const TITLE: &str = "Choose a password";
/// Either kind of mail leads here.
const EITHER: [Purpose; 2] = [Purpose::Verify, Purpose::Reset];
const RULES: &str = "At least 12 characters: upper and lower case, a digit and a special character.";

/// What the page says.
enum Says<'s> {
    /// Choose one; what is wrong with the last one.
    Form(&'s str, &'s str),
    /// That it works no more, or never did.
    Over,
    /// That the password is set.
    Set(Status),
}

fn page(visit: &Visit, portal: &str, says: &Says<'_>) -> Result<Page> {
    let (state, token, error) = match says {
        Says::Form(token, error) => ("form", *token, *error),
        Says::Over => ("over", "", ""),
        Says::Set(Status::Approved) => ("approved", "", ""),
        Says::Set(_) => ("pending", "", ""),
    };
    let more = json!({
        "portal": portal, "state": state, "token": token, "password_error": error, "rules": RULES,
    });
    let page = visit.page("developer_password.html", TITLE, more)?;
    Ok(match says {
        Says::Form(_, "") | Says::Set(_) => page,
        Says::Form(..) => page.status(400),
        Says::Over => page.status(410),
    })
}

/// The token, if it can be one.
fn token(text: &str) -> Result<Secret<String>> {
    let id: Id<()> = text.parse().map_err(|_| Problem::NotFound("link"))?;
    Ok(Secret::new(id.to_string()))
}

pub(super) async fn password_page(cx: Cx, visit: Visit, query: Query) -> Result<Page> {
    let site = site_with_sign_in(&cx)?;
    let home = home_require(&cx, site.portal).await?;
    let text = query.get("token").unwrap_or_default();
    let found = match token(text) {
        Ok(token) => links::find(&cx, cx.db(), site.portal, &token, &EITHER).await.map(|_| ()),
        Err(problem) => Err(problem),
    };
    match found {
        Ok(()) => page(&visit, &home.name, &Says::Form(text, "")),
        Err(Problem::Gone(_) | Problem::NotFound(_)) => page(&visit, &home.name, &Says::Over),
        Err(other) => Err(other),
    }
}

/// The chosen password.
pub struct DeveloperPasswordForm {
    token: String,
    password: String,
}

impl Body for DeveloperPasswordForm {
    const NAME: &'static str = "DeveloperPasswordForm";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let token = fields.required("token", text(1, 200));
        let password = fields.optional("password", text(0, 1000));
        Some(Self { token: token?, password: password?.unwrap_or_default() })
    }
}

pub(super) async fn password_submit(
    cx: Cx,
    visit: Visit,
    draft: Draft<DeveloperPasswordForm>,
) -> Result<Page> {
    let site = site_with_sign_in(&cx)?;
    let DeveloperPasswordForm { token: text, password } = draft.parse()?;
    let set = async {
        let token = token(&text)?;
        let new = password_prepare(&cx, site, &token, Secret::new(password), &EITHER).await?;
        password_put(&cx, site, &token, new).await
    };
    let set = set.await;
    let home = home_require(&cx, site.portal).await?;
    match set {
        Ok(status) => page(&visit, &home.name, &Says::Set(status)),
        Err(Problem::Gone(_) | Problem::NotFound(_)) => page(&visit, &home.name, &Says::Over),
        Err(Problem::InvalidBecause(_, faults)) => {
            let reasons: Vec<String> = faults.iter().map(Invalid::reason).collect();
            let error = format!("It {}.", reasons.join("; it "));
            page(&visit, &home.name, &Says::Form(&text, &error))
        }
        Err(other) => Err(other),
    }
}
