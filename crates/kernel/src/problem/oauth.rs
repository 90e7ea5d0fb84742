//! What goes wrong at an OAuth endpoint: a code and a sentence in JSON (RFC 6749 section 5.2, RFC 8628
//! section 3.5).

use serde_json::json;

use super::{Problem, Rendered};

pub(super) fn render(problem: &Problem) -> Rendered {
    let (status, error, retry_after) = match problem {
        Problem::OAuth(error, _) => (400, *error, None),
        Problem::Invalid(_) | Problem::InvalidBecause(..) | Problem::UnsupportedMediaType => {
            (400, "invalid_request", None)
        }
        Problem::TooLarge(_) => (413, "invalid_request", None),
        Problem::Unauthenticated => (401, "invalid_client", None),
        Problem::Forbidden(_) => (403, "unauthorized_client", None),
        Problem::TooManyRequests(wait) => (429, "temporarily_unavailable", Some(wait.as_secs().max(1))),
        Problem::Unavailable(_) | Problem::Again => (503, "temporarily_unavailable", Some(1)),
        Problem::Upstream(_, wait) => {
            (problem.status(), "temporarily_unavailable", wait.map(|wait| wait.as_secs().max(1)))
        }
        Problem::NotFound(_)
        | Problem::Gone(_)
        | Problem::NoRoute
        | Problem::MethodNotAllowed(_)
        | Problem::Conflict(_)
        | Problem::PreconditionFailed(_)
        | Problem::Unprocessable(..) => (problem.status(), "invalid_request", None),
        Problem::OnPurpose(_, _, _, wait) => {
            (problem.status(), "temporarily_unavailable", wait.map(|wait| wait.as_secs().max(1)))
        }
        Problem::Kept(_) | Problem::Internal(_) => (problem.status(), "server_error", None),
    };
    let description = match problem {
        Problem::OAuth(_, why) => why.clone(),
        Problem::UnsupportedMediaType => "The body is of another type than this takes".to_owned(),
        Problem::Internal(_) => "An internal failure occurred".to_owned(),
        other => other.to_string(),
    };
    let body = json!({ "error": error, "error_description": description });
    Rendered { status, content_type: "application/json", body, retry_after, allow: None }
}
