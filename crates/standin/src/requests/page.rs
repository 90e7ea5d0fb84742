//! The request log as a page.

use frame::{
    Cx,
    input::Query,
    pages::{Page, Visit},
};
use kernel::Result;
use serde_json::json;

use crate::StandIn;

pub(super) async fn requests_page(cx: Cx, query: Query, visit: Visit) -> Result<Page> {
    let (failed, surprising) = (query.get("failed") == Some("true"), query.get("surprising") == Some("true"));
    let seen = StandIn::of(&cx)?.requests.chosen(&query);
    let requests: Vec<_> = seen
        .iter()
        .map(|seen| {
            let status = seen.status.map_or_else(|| "dropped".to_owned(), |status| status.to_string());
            json!({
                "operation": seen.operation_id, "method": seen.method, "path": seen.path, "status": status,
                "bad": seen.status.is_none_or(|status| status >= 400), "at": seen.at.to_string(),
                "caller": format!("{} {}", seen.caller.replace("_", " "), seen.caller_id).trim_end(),
                "milliseconds": format!("{:.1}", seen.milliseconds), "agent": seen.user_agent,
                "problem": seen.problem.as_ref().map(ToString::to_string),
                "unknown": seen.unknown_fields.join(", "), "surprising": seen.surprising,
            })
        })
        .collect();
    let views = [
        ("All", "/stand-in", !failed && !surprising),
        ("Failed", "/stand-in?failed=true", failed),
        ("Surprising", "/stand-in?surprising=true", surprising),
    ];
    let views: Vec<_> =
        views.iter().map(|(name, path, here)| json!({ "name": name, "path": path, "here": here })).collect();
    visit.page("stand-in.html", "Requests", json!({ "requests": requests, "views": views }))
}
