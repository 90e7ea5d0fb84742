//! Entering the code of a device, and letting it in or refusing it.

use frame::{
    Cx,
    input::Query,
    pages::{Page, Visit},
};
use kernel::{Body, Draft, Fields, Problem, Result, rules::text};
use minijinja::context;

use super::{said_of, sign_in_first, visitor};
use crate::device::{grant_authorize, grant_decide};

pub(super) async fn device_page(cx: Cx, visit: Visit, query: Query) -> Result<Page> {
    if visitor(&cx).is_none() {
        return sign_in_first(&cx.origin().uri);
    }
    let code = query.get("user_code").or_else(|| query.get("code")).unwrap_or_default();
    enter(&visit, code, "")
}

fn enter(visit: &Visit, user_code: &str, error: &str) -> Result<Page> {
    visit.page("device.html", "Connect a device", context! { user_code, error })
}

/// The code that was entered.
pub struct CodeForm {
    user_code: String,
}

impl Body for CodeForm {
    const NAME: &'static str = "CodeForm";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.optional("user_code", text(0, 100)).map(|code| Self { user_code: code.unwrap_or_default() })
    }
}

pub(super) async fn device_submit(cx: Cx, visit: Visit, draft: Draft<CodeForm>) -> Result<Page> {
    let CodeForm { user_code } = draft.parse()?;
    if visitor(&cx).is_none() {
        return sign_in_first("/device-activate");
    }
    match grant_authorize(&cx, &user_code).await {
        Ok(asking) => {
            let asked_at = asking.metadata.requested_at.for_people();
            let asking = minijinja::Value::from(minijinja::value::Serde(asking));
            let more = context! { user_code => user_code.to_uppercase(), asked_at, asking };
            visit.page("device_confirm.html", "Let a device in", more)
        }
        Err(problem) => refused(&visit, &user_code, problem),
    }
}

fn refused(visit: &Visit, user_code: &str, problem: Problem) -> Result<Page> {
    let status = problem.status();
    let says = match &problem {
        Problem::Invalid(_) => said_of(&problem, "user_code"),
        Problem::Forbidden(_) => Some("This code was entered by somebody else, or refused.".to_owned()),
        _ => None,
    };
    match says {
        Some(says) => Ok(enter(visit, user_code, &says)?.status(status)),
        None => Err(problem),
    }
}

/// What was decided.
pub struct DecisionForm {
    user_code: String,
    decision: String,
}

impl Body for DecisionForm {
    const NAME: &'static str = "DecisionForm";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let user_code = fields.required("user_code", text(1, 100));
        let decision = fields.required("decision", text(1, 20));
        Some(Self { user_code: user_code?, decision: decision? })
    }
}

pub(super) async fn device_decide(cx: Cx, visit: Visit, draft: Draft<DecisionForm>) -> Result<Page> {
    let DecisionForm { user_code, decision } = draft.parse()?;
    if visitor(&cx).is_none() {
        return sign_in_first("/device-activate");
    }
    let confirmed = decision == "confirm";
    match grant_decide(&cx, &user_code, confirmed).await {
        Ok(()) => visit.page("device_done.html", "Connect a device", context! { confirmed }),
        Err(problem) => refused(&visit, &user_code, problem),
    }
}
