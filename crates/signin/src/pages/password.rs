//! Setting a new password by a link that comes by mail.

use frame::{
    Cx,
    input::Query,
    pages::{Page, Visit},
};
use kernel::{Body, Draft, Email, Fields, PersonId, Problem, Result, Secret, problem::Denied, rules::text};
use minijinja::context;

use super::{PASSWORD_RULES, said_of};
use crate::passwords::{
    password_prepare,
    resets::{reset_ask, reset_carry_out, reset_person},
};

pub(super) async fn forgot_page(_: Cx, visit: Visit) -> Result<Page> {
    visit.page("forgot.html", "Set a new password", context! { sent => false, error => "" })
}

/// Whose password is to be set.
pub struct ForgotForm {
    email: String,
}

impl Body for ForgotForm {
    const NAME: &'static str = "ForgotForm";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.optional("email", text(0, 1000)).map(|email| Self { email: email.unwrap_or_default() })
    }
}

/// Says the same whether there is such a person or not.
pub(super) async fn forgot_submit(cx: Cx, visit: Visit, draft: Draft<ForgotForm>) -> Result<Page> {
    let ForgotForm { email: given } = draft.parse()?;
    let given = given.trim();
    let Some(email) = Email::parse(given) else {
        let more = context! { sent => false, error => "That is no e-mail address." };
        return Ok(visit.page("forgot.html", "Set a new password", more)?.status(400));
    };
    reset_ask(&cx, &email).await?;
    visit.page("forgot.html", "Set a new password", context! { sent => true, email => given })
}

fn gone() -> Problem {
    let why =
        "This link was used, replaced by a newer one, or has expired. Ask for a new one on the sign-in page.";
    Problem::Forbidden(Denied::Because(why.to_owned()))
}

/// The person behind a link.
async fn person(cx: &Cx, token: &str) -> Result<PersonId> {
    reset_person(cx, token).await?.ok_or_else(gone)
}

fn form(visit: &Visit, token: &str, password_error: &str) -> Result<Page> {
    let more = context! { token, password_error, rules => PASSWORD_RULES };
    visit.page("reset.html", "Choose a new password", more)
}

pub(super) async fn reset_page(cx: Cx, visit: Visit, query: Query) -> Result<Page> {
    let token = query.get("token").unwrap_or_default();
    person(&cx, token).await?;
    form(&visit, token, "")
}

/// The new password.
pub struct ResetForm {
    token: String,
    password: String,
}

impl Body for ResetForm {
    const NAME: &'static str = "ResetForm";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let token = fields.required("token", text(1, 200));
        let password = fields.optional("password", text(0, 1000));
        Some(Self { token: token?, password: password?.unwrap_or_default() })
    }
}

pub(super) async fn reset_submit(cx: Cx, visit: Visit, draft: Draft<ResetForm>) -> Result<Page> {
    let ResetForm { token, password } = draft.parse()?;
    let person = person(&cx, &token).await?;
    let new = match password_prepare(&cx, person, "password", Secret::new(password)).await {
        Ok(new) => new,
        Err(problem) => {
            let says = said_of(&problem, "password").ok_or(problem)?;
            return Ok(form(&visit, &token, &says)?.status(400));
        }
    };
    reset_carry_out(&cx, person, new).await?.ok_or_else(gone)?;
    Page::see_other("/login?notice=password", Vec::new())
}
