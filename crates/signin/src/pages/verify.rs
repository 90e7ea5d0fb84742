//! Confirming the address of whoever registered an organization. Opening the link changes nothing by itself: programs that
//! look at mails open links, too.

use frame::{
    Cx,
    db::PlatformScope,
    input::Query,
    pages::{Page, Visit},
};
use kernel::{Body, Draft, Fields, Problem, Result, problem::Denied, rules::text};
use minijinja::context;

use crate::registration::{email_verify, registration_find};

fn gone() -> Problem {
    let why = "This link was used or has expired. If your address is confirmed already, sign in; else register again.";
    Problem::Forbidden(Denied::Because(why.to_owned()))
}

pub(super) async fn verify_page(cx: Cx, visit: Visit, query: Query) -> Result<Page> {
    let token = query.get("token").unwrap_or_default();
    let unverified = registration_find(&cx, token).await?.ok_or_else(gone)?;
    visit.within(&PlatformScope::new(cx.app().db.read()).org(unverified.org)).await?;
    let more = context! { organization => unverified.organization, email => unverified.email, token };
    visit.page("verify.html", "Confirm your address", more)
}

/// The token of the mail.
pub struct VerifyForm {
    token: String,
}

impl Body for VerifyForm {
    const NAME: &'static str = "VerifyForm";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.required("token", text(1, 200)).map(|token| Self { token })
    }
}

pub(super) async fn verify_submit(cx: Cx, _: Visit, draft: Draft<VerifyForm>) -> Result<Page> {
    let VerifyForm { token } = draft.parse()?;
    email_verify(&cx, &token).await?.ok_or_else(gone)?;
    Page::see_other("/login?notice=verified", Vec::new())
}
