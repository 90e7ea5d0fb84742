//! Everything that can go wrong in a way that a client can tell apart, and how each of the
//! contract's two wording families puts it.

mod invalid;
mod oauth;

use std::{error::Error as StdError, fmt, time::Duration};

use serde_json::{Value, json};

pub use invalid::{Fault, Invalid, Source};

/// The two wordings of one error model.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// Identity: `konnect:trace:`, "Unauthenticated", "Resource Conflict".
    Identity,
    /// Personal access tokens, organization policy, application auth: `kong:trace:`, "Unauthorized".
    Platform,
    /// OAuth endpoints: `error` and `error_description` (RFC 6749 section 5.2).
    OAuth,
}

/// Why somebody may not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Denied {
    /// A role is missing; the text names the smallest one that would do.
    MissingRole(String),
    /// A rule forbids it whatever the roles.
    Because(String),
    /// The credential is valid but of a kind that the operation does not take.
    Credential,
}

/// What went wrong. Handlers return it with `?`; one place turns it into a reply.
#[derive(Debug)]
pub enum Problem {
    /// No credential, or not a valid one.
    Unauthenticated,
    /// Not allowed.
    Forbidden(Denied),
    /// The named thing does not exist, or not for this caller.
    NotFound(&'static str),
    /// It was there, and is there no more.
    Gone(&'static str),
    /// No operation has this path.
    NoRoute,
    /// The path has other methods only.
    MethodNotAllowed(Vec<&'static str>),
    /// The state of things forbids it.
    Conflict(String),
    /// Bad parameters, every one of them.
    Invalid(Vec<Invalid>),
    /// Bad parameters under a summary.
    InvalidBecause(&'static str, Vec<Invalid>),
    /// Something must be set up first.
    PreconditionFailed(&'static str),
    /// What was asked for does not exist for this kind of thing; with the type of the problem and why.
    Unprocessable(&'static str, &'static str),
    /// An OAuth error code, and why.
    OAuth(&'static str, String),
    /// The body is not JSON by its content type.
    UnsupportedMediaType,
    /// The body is larger than this many bytes.
    TooLarge(usize),
    /// Too often; try again after this time.
    TooManyRequests(Duration),
    /// The server cannot take it now.
    Unavailable(&'static str),
    /// A service elsewhere does not do what it should; with the time after which trying again makes sense,
    /// if it does.
    Upstream(&'static str, Option<Duration>),
    /// What a stand-in answers on purpose: status, title and why; with the time after which to try again, if that
    /// is told.
    OnPurpose(u16, &'static str, String, Option<Duration>),
    /// The database asks to run the transaction again. Never reaches a client.
    Again,
    /// A refusal that leaves a trace: what was written before it stays. The client sees what is inside.
    Kept(Box<Problem>),
    /// A fault of ours. The client sees the trace id only.
    Internal(Box<dyn StdError + Send + Sync>),
}

/// What handlers and rules return.
pub type Result<T, E = Problem> = std::result::Result<T, E>;

/// A problem as the wire has it.
pub struct Rendered {
    /// HTTP status.
    pub status: u16,
    /// The content type of the body.
    pub content_type: &'static str,
    /// The problem document (RFC 7807 as the contract has it).
    pub body: Value,
    /// `Retry-After` in seconds.
    pub retry_after: Option<u64>,
    /// `Allow`.
    pub allow: Option<String>,
}

impl Problem {
    /// A fault of ours, from words.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::Internal(message.into().into())
    }

    /// One bad field of the body.
    pub fn invalid(field: &str, fault: Fault) -> Self {
        Self::Invalid(vec![Invalid::body(field, fault)])
    }

    /// The same, with the bad parameters of an object that stands in a field of another.
    #[must_use]
    pub fn in_field(self, field: &str) -> Self {
        match self {
            Self::Invalid(mut faults) => {
                for fault in &mut faults {
                    fault.field = format!("{field}.{}", fault.field);
                }
                Self::Invalid(faults)
            }
            other => other,
        }
    }

    /// The same, but what was written before stays.
    #[must_use]
    pub fn kept(self) -> Self {
        Self::Kept(Box::new(self))
    }

    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Kept(problem) => problem.status(),
            Self::Invalid(_) | Self::InvalidBecause(..) | Self::OAuth(..) => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden(_) => 403,
            Self::NotFound(_) | Self::NoRoute => 404,
            Self::MethodNotAllowed(_) => 405,
            Self::Conflict(_) => 409,
            Self::Gone(_) => 410,
            Self::PreconditionFailed(_) => 412,
            Self::TooLarge(_) => 413,
            Self::UnsupportedMediaType => 415,
            Self::Unprocessable(..) => 422,
            Self::TooManyRequests(_) => 429,
            Self::Internal(_) => 500,
            Self::OnPurpose(status, ..) => *status,
            Self::Upstream(_, None) => 502,
            Self::Upstream(_, Some(_)) | Self::Unavailable(_) | Self::Again => 503,
        }
    }

    /// The document that a client of this family sees; `trace` ends its `instance`.
    pub fn render(&self, family: Family, trace: u64) -> Rendered {
        if let Self::Kept(problem) = self {
            return problem.render(family, trace);
        }
        if family == Family::OAuth {
            return oauth::render(self);
        }
        let a = family == Family::Identity;
        let pick = |identity: &'static str, platform: &'static str| if a { identity } else { platform };
        let mut invalid = Vec::new();
        let mut retry_after = None;
        let mut allow = None;
        let (title, detail) = match self {
            Self::Unauthenticated => (
                pick("Unauthenticated", "Unauthorized"),
                pick("A valid token is required", "Unauthorized").to_owned(),
            ),
            Self::Forbidden(denied) => match denied {
                Denied::MissingRole(role) => (
                    pick("Invalid Permissions", "Forbidden"),
                    if a {
                        format!("You must have the [{role}] role to perform this action")
                    } else {
                        "You do not have permission to perform this action".to_owned()
                    },
                ),
                Denied::Because(why) => (pick("Permission denied", "Forbidden"), why.clone()),
                Denied::Credential => (
                    pick("Unauthorized", "Forbidden"),
                    "You do not have permission to perform this action".to_owned(),
                ),
            },
            Self::NotFound(what) => (
                "Not Found",
                if a { format!("The requested {what} was not found") } else { "Not Found".to_owned() },
            ),
            Self::Gone(why) => ("Gone", (*why).to_owned()),
            Self::NoRoute => ("Not Found", "The resource requested was not found.".to_owned()),
            Self::MethodNotAllowed(methods) => {
                allow = Some(methods.join(", "));
                ("Method Not Allowed", format!("This path takes [{}]", methods.join(", ")))
            }
            Self::Conflict(why) => (pick("Resource Conflict", "Conflict"), why.clone()),
            Self::Invalid(entries) => {
                invalid = named(entries, family);
                (pick("Bad Request", "Invalid Request"), pick("", "Invalid Parameters").to_owned())
            }
            Self::InvalidBecause(why, entries) => {
                invalid = named(entries, family);
                (pick("Bad Request", "Invalid Request"), (*why).to_owned())
            }
            Self::PreconditionFailed(why) => ("Precondition Failed", (*why).to_owned()),
            Self::Unprocessable(_, why) => ("Unprocessable Content", (*why).to_owned()),
            Self::OAuth(_, why) => (pick("Bad Request", "Invalid Request"), why.clone()),
            Self::UnsupportedMediaType => {
                ("Unsupported Media Type", "Only [Content-Type: application/json] is supported".to_owned())
            }
            Self::TooLarge(most) => {
                ("Payload Too Large", format!("The request body must not exceed [{most}] bytes"))
            }
            Self::TooManyRequests(wait) => {
                retry_after = Some(wait.as_secs().max(1));
                ("Rate Limited", "Too many requests".to_owned())
            }
            Self::Upstream(why, wait) => {
                retry_after = wait.map(|wait| wait.as_secs().max(1));
                (if wait.is_some() { "Service Unavailable" } else { "Bad Gateway" }, (*why).to_owned())
            }
            Self::OnPurpose(_, title, why, wait) => {
                retry_after = wait.map(|wait| wait.as_secs().max(1));
                (*title, why.clone())
            }
            Self::Unavailable(why) => {
                retry_after = Some(1);
                ("Service Unavailable", (*why).to_owned())
            }
            Self::Again => {
                retry_after = Some(1);
                ("Service Unavailable", "The database is too busy".to_owned())
            }
            Self::Internal(_) | Self::Kept(_) => ("Internal", "An internal failure occurred".to_owned()),
        };
        let prefix = pick("konnect", "kong");
        let mut body = json!({
            "status": self.status(), "title": title,
            "instance": format!("{prefix}:trace:{trace}"), "detail": detail,
        });
        if let Self::Unprocessable(kind, _) = self {
            body["type"] = (*kind).into();
        }
        if self.status() == 400 {
            body["invalid_parameters"] = invalid.into();
        }
        Rendered { status: self.status(), content_type: "application/problem+json", body, retry_after, allow }
    }
}

/// An error and what led to it, in one line.
pub fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

/// Most bad parameters that one reply names: a request of a megabyte can hold half a million of them.
const MOST_NAMED: usize = 100;

/// The entries as the wire has them, each once (the contract's array is unique, and names that are cut
/// to a readable length can become alike).
fn named(entries: &[Invalid], family: Family) -> Vec<Value> {
    let mut named: Vec<Value> = Vec::new();
    for entry in entries.iter().map(|entry| entry.render(family)) {
        if named.len() == MOST_NAMED {
            break;
        }
        if !named.contains(&entry) {
            named.push(entry);
        }
    }
    named
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Internal(source) => source.fmt(f),
            Self::Kept(problem) => problem.fmt(f),
            Self::Conflict(why) => why.fmt(f),
            Self::NotFound(what) => write!(f, "the {what} was not found"),
            Self::Invalid(entries) | Self::InvalidBecause(_, entries) => {
                for (n, entry) in entries.iter().enumerate() {
                    let rendered = entry.render(Family::Identity);
                    let separator = if n == 0 { "" } else { "; " };
                    write!(
                        f,
                        "{separator}{} {}",
                        entry.field,
                        rendered["reason"].as_str().unwrap_or_default()
                    )?;
                }
                Ok(())
            }
            other => {
                f.write_str(other.render(Family::Identity, 0).body["detail"].as_str().unwrap_or_default())
            }
        }
    }
}

impl StdError for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_families_word_it_as_the_contract_does() {
        let trace = 3_674_017_986_744_198_214;
        let system_team = Problem::invalid("teamID", Fault::Rule("system teams cannot be modified".into()));
        let body = system_team.render(Family::Identity, trace).body;
        assert_eq!(body["instance"], "konnect:trace:3674017986744198214");
        assert_eq!(body["title"], "Bad Request");
        assert_eq!(body["detail"], "");
        assert_eq!(body["invalid_parameters"][0]["field"], "teamID");

        let operator = Problem::Invalid(vec![Invalid::query(
            "filter[actions][contains]",
            Fault::UnsupportedOperator("contains".into()),
        )]);
        let body = operator.render(Family::Identity, trace).body;
        assert_eq!(body["invalid_parameters"][0]["field"], "[filter][actions][contains]");
        assert_eq!(body["invalid_parameters"][0]["reason"], "[contains] is not a supported filter operation");

        let size = Problem::Invalid(vec![Invalid::query("page[size]", Fault::NotAnInteger)]);
        assert_eq!(
            size.render(Family::Platform, 7).body,
            json!({ "status": 400, "title": "Invalid Request", "instance": "kong:trace:7", "detail": "Invalid Parameters",
                    "invalid_parameters": [{ "field": "page[size]", "rule": "is_number",
                                             "reason": "\"page[size]\" must be a number", "source": "query" }] })
        );
        for (problem, identity, platform) in [
            (Problem::Unauthenticated, "Unauthenticated", "Unauthorized"),
            (Problem::Conflict("x".into()), "Resource Conflict", "Conflict"),
            (
                Problem::Forbidden(Denied::MissingRole("administrator".into())),
                "Invalid Permissions",
                "Forbidden",
            ),
        ] {
            assert_eq!(problem.render(Family::Identity, 1).body["title"], identity);
            assert_eq!(problem.render(Family::Platform, 1).body["title"], platform);
        }
    }

    #[test]
    fn an_internal_fault_says_nothing_about_itself() {
        let problem = Problem::internal("password=hunter2");
        assert!(!problem.render(Family::Identity, 1).body.to_string().contains("hunter2"));
    }
}
