//! Operations as data. One declaration beside the handler yields routing, the gate, the OpenAPI
//! document, metrics labels and what the tests must cover. An operation that does not say who may
//! call it has no `handle`, so it does not compile.

use std::{future::Future, sync::Arc};

use http::Method;
use kernel::{Action, Family, Result, query::Collection};
use serde_json::Value;

use crate::{
    Settings,
    access::BoxFuture,
    cx::Cx,
    input::{Input, RawInput},
    principal::{Callers, CredentialKind},
    reply::{Reply, ReplySpec, Response},
};

/// Personal access tokens, system account tokens, sessions, service tokens: the contract's default.
pub const DEFAULT: Callers = Callers::of(&[
    CredentialKind::Personal,
    CredentialKind::System,
    CredentialKind::Session,
    CredentialKind::Service,
]);
/// The default without system accounts.
pub const PEOPLE_AND_SERVICES: Callers =
    Callers::of(&[CredentialKind::Personal, CredentialKind::Session, CredentialKind::Service]);
/// People only.
pub const PEOPLE: Callers = Callers::of(&[CredentialKind::Personal, CredentialKind::Session]);
/// People and system accounts.
pub const NO_SERVICES: Callers =
    Callers::of(&[CredentialKind::Personal, CredentialKind::Session, CredentialKind::System]);
/// People's sessions only.
pub const SESSIONS: Callers = Callers::of(&[CredentialKind::Session]);
/// Developers who are signed in at their portal.
pub const DEVELOPERS: Callers = Callers::of(&[CredentialKind::Developer]);
/// Platform services only.
pub const CLIENTS: Callers = Callers::of(&[CredentialKind::Client]);

/// A permission: an action on a resource path, in which `{name}` stands for a path parameter.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// What is done.
    pub action: Action,
    /// To what.
    pub path: &'static str,
    /// The smallest role that allows it, for the refusal's text.
    pub role: &'static str,
    /// Whether what it is on lies in a region: then roles in this server's region count, too.
    pub regional: bool,
}

/// A permission that a role of the catalogue gives.
pub const fn need(action: Action, path: &'static str, role: &'static str) -> Need {
    Need { action, path, role, regional: false }
}

/// A permission on something that lies in a region.
pub const fn regional(action: Action, path: &'static str, role: &'static str) -> Need {
    Need { action, path, role, regional: true }
}

/// A permission that only organization administrators have (read-only ones for looking).
pub const fn administrators(action: Action, path: &'static str) -> Need {
    need(action, path, "administrator")
}

/// Who may call an operation, once the credential's kind is right.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// Everybody, without a credential.
    Public,
    /// Every member of the organization.
    Member,
    /// Whoever has the permission.
    Needs(Need),
    /// Whoever has the permission on some of the entities that its path stands for; the handler keeps to
    /// those ([`crate::Cx::reach`]).
    NeedsSome(Need),
    /// The user that `{userId}` names, or whoever has the permission.
    SelfOr(Need),
    /// The account that `{accountId}` names, or whoever has the permission.
    AccountOr(Need),
    /// The user that `{userId}` names, nobody else.
    SelfOnly,
    /// Platform services.
    Platform,
    /// Approved developers of the portal at whose host the request came in.
    Developer,
}

impl Rule {
    /// The permission that would do.
    pub const fn need(&self) -> Option<&Need> {
        match self {
            Self::Needs(need) | Self::NeedsSome(need) | Self::SelfOr(need) | Self::AccountOr(need) => {
                Some(need)
            }
            Self::Public | Self::Member | Self::SelfOnly | Self::Platform | Self::Developer => None,
        }
    }
}

/// A request body: its name, and what makes its schema.
pub type BodySpec = (&'static str, fn() -> Value);

/// What is declared of an operation.
pub struct Spec {
    /// The contract's operation id.
    pub id: &'static str,
    /// The method.
    pub method: Method,
    /// The path, with parameters in braces.
    pub path: &'static str,
    /// Whether older clients call it under `/v2` too, at a portal under `/api/v2`.
    pub legacy: bool,
    /// The group in the documentation.
    pub tag: &'static str,
    /// One line.
    pub summary: &'static str,
    /// More.
    pub description: &'static str,
    /// The wording of its errors.
    pub family: Family,
    /// The kinds of credentials that it takes.
    pub callers: Callers,
    /// Whether it also serves who has none.
    pub open: bool,
    /// Whether it takes a key of its own, which its handler checks.
    pub own_key: bool,
    /// Whether a slash behind its path makes no difference.
    pub slash: bool,
    /// Who may call it.
    pub rule: Rule,
    /// Whether a valid credential of a kind that it does not take is refused with 403 rather than 401.
    pub wrong_kind_is_403: bool,
    /// Statuses of failure that it declares beside 401 and 403.
    pub errors: &'static [u16],
    /// Whether path ids are plain strings, so that a malformed one is simply not found.
    pub plain_ids: bool,
    /// Whether the path ends with a name that somebody else gave, rather than an id of ours.
    pub named_last: bool,
    /// The list that its query is read against.
    pub collection: Option<&'static Collection>,
    /// Further query parameters: name and description.
    pub query: &'static [(&'static str, &'static str)],
    /// The request body.
    pub body: Option<BodySpec>,
    /// Whether the body is a form and not JSON.
    pub form: bool,
    /// Whether the handler looks at the request's headers.
    pub headers: bool,
    /// Whether it writes, whatever its method.
    pub writes: bool,
    /// Whether it is a page for people, and no part of the API.
    pub page: bool,
    /// Whether it is served at portals' own hosts, and nowhere else.
    pub portal: bool,
    /// The reply.
    pub reply: ReplySpec,
}

impl Spec {
    /// The path parameters, in order.
    pub fn path_parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
    }

    /// The service that owns what the operation works on, and the region that this lies in.
    pub fn home<'s>(&self, settings: &'s Settings) -> (&'static str, &'s str) {
        let regional = self.portal || self.rule.need().is_some_and(|need| need.regional);
        if regional { ("konnect", &settings.region) } else { ("identity", "*") }
    }

    /// The paths under which it is served.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = vec![self.path.to_owned()];
        if let Some(rest) = self.path.strip_prefix("/v3/").filter(|_| self.legacy) {
            paths.push(format!("/v2/{rest}"));
            paths.push(format!("/v2/{rest}/"));
        }
        if let Some(rest) = self.path.strip_prefix("/api/v3/").filter(|_| self.legacy) {
            paths.push(format!("/api/v2/{rest}"));
        }
        if self.slash {
            paths.push(format!("{}/", self.path));
        }
        paths
    }
}

type Run = dyn Fn(Cx, RawInput) -> BoxFuture<'static, Result<Response>> + Send + Sync;

/// A declared operation and its handler.
pub struct Operation {
    /// What is declared.
    pub spec: Arc<Spec>,
    run: Box<Run>,
}

impl Operation {
    /// Runs the handler.
    pub fn run(&self, cx: Cx, input: RawInput) -> BoxFuture<'static, Result<Response>> {
        (self.run)(cx, input)
    }
}

/// An operation whose callers are not declared yet.
pub struct Undeclared(Spec);

/// An operation that only lacks its handler.
pub struct Declared(Spec);

fn operation(method: Method, id: &'static str, path: &'static str) -> Undeclared {
    Undeclared(Spec {
        id,
        method,
        path,
        legacy: false,
        tag: "",
        summary: "",
        description: "",
        family: Family::Identity,
        callers: Callers::NONE,
        open: false,
        own_key: false,
        slash: false,
        rule: Rule::Public,
        wrong_kind_is_403: false,
        errors: &[],
        plain_ids: false,
        named_last: false,
        collection: None,
        query: &[],
        body: None,
        form: false,
        headers: false,
        writes: false,
        page: false,
        portal: false,
        reply: ReplySpec::EMPTY,
    })
}

/// Declares a GET.
pub fn get(id: &'static str, path: &'static str) -> Undeclared {
    operation(Method::GET, id, path)
}
/// Declares a POST.
pub fn post(id: &'static str, path: &'static str) -> Undeclared {
    operation(Method::POST, id, path)
}
/// Declares a PUT.
pub fn put(id: &'static str, path: &'static str) -> Undeclared {
    operation(Method::PUT, id, path)
}
/// Declares a PATCH.
pub fn patch(id: &'static str, path: &'static str) -> Undeclared {
    operation(Method::PATCH, id, path)
}
/// Declares a DELETE.
pub fn delete(id: &'static str, path: &'static str) -> Undeclared {
    operation(Method::DELETE, id, path)
}

impl Undeclared {
    /// Says which credentials it takes and who may call it.
    pub fn allow(mut self, callers: Callers, rule: Rule) -> Declared {
        self.0.callers = callers;
        self.0.rule = rule;
        Declared(self.0)
    }
}

impl Declared {
    /// Documents it.
    #[must_use]
    pub fn doc(mut self, tag: &'static str, summary: &'static str, description: &'static str) -> Self {
        (self.0.tag, self.0.summary, self.0.description) = (tag, summary, description);
        self
    }
    /// Is served under `/v2` too, at a portal under `/api/v2`.
    #[must_use]
    pub fn legacy(mut self) -> Self {
        self.0.legacy = true;
        self
    }
    /// Words its errors as the second family does, which refuses the wrong kind of credential with 403.
    #[must_use]
    pub fn platform_errors(mut self) -> Self {
        self.0.family = Family::Platform;
        self.wrong_kind_is_403()
    }
    /// Answers 403, not 401, to a valid credential of the wrong kind.
    #[must_use]
    pub fn wrong_kind_is_403(mut self) -> Self {
        self.0.wrong_kind_is_403 = true;
        self
    }
    /// Words its errors as OAuth endpoints do, and takes a form.
    #[must_use]
    pub fn oauth(self) -> Self {
        self.oauth_errors().form()
    }
    /// Words its errors as OAuth endpoints do.
    #[must_use]
    pub fn oauth_errors(mut self) -> Self {
        self.0.family = Family::OAuth;
        self
    }
    /// Takes a key of its own in `x-api-key`. The gate does not know it: the handler checks it before all else.
    #[must_use]
    pub fn own_key(mut self) -> Self {
        self.0.own_key = true;
        self
    }
    /// Is served with a slash behind its path, too.
    #[must_use]
    pub fn or_slash(mut self) -> Self {
        self.0.slash = true;
        self
    }
    /// Takes a form.
    #[must_use]
    pub fn form(mut self) -> Self {
        self.0.form = true;
        self
    }
    /// Is a page for people: no part of the API's document, with forms, and with faults told as pages. It
    /// is shown to whoever is not signed in, too, so it says itself whom it is for.
    #[must_use]
    pub fn page(mut self) -> Self {
        self.0.page = true;
        self.form().open()
    }
    /// Is served at portals' own hosts, and nowhere else: at another host it is not found. The only credential that
    /// counts there is the cookie of a developer of that portal.
    #[must_use]
    pub fn at_portal(mut self) -> Self {
        self.0.family = Family::Platform;
        self.0.portal = true;
        self
    }
    /// Also serves who has no credential, or no good one; the handler sees nobody then.
    #[must_use]
    pub fn open(mut self) -> Self {
        self.0.open = true;
        self
    }
    /// Declares statuses of failure beside 401 and 403.
    #[must_use]
    pub fn errors(mut self, errors: &'static [u16]) -> Self {
        self.0.errors = errors;
        self
    }
    /// Takes any string as an id in the path.
    #[must_use]
    pub fn plain_ids(mut self) -> Self {
        self.0.plain_ids = true;
        self
    }
    /// Reads the query against a collection.
    #[must_use]
    pub fn list(mut self, collection: &'static Collection) -> Self {
        self.0.collection = Some(collection);
        self
    }
    /// Takes further query parameters.
    #[must_use]
    pub fn query(mut self, query: &'static [(&'static str, &'static str)]) -> Self {
        self.0.query = query;
        self
    }
    /// Writes although it is a GET.
    #[must_use]
    pub fn writes(mut self) -> Self {
        self.0.writes = true;
        self
    }
    /// Names the handler; its inputs and its reply complete the declaration.
    pub fn handle<Args, H: Handler<Args>>(mut self, handler: H) -> Operation {
        handler.describe(&mut self.0);
        Operation { spec: Arc::new(self.0), run: Box::new(move |cx, input| handler.call(cx, input)) }
    }
}

/// A function that can handle an operation: the context, then up to three inputs.
pub trait Handler<Args>: Send + Sync + 'static {
    /// Completes the declaration.
    fn describe(&self, spec: &mut Spec);
    /// Reads the inputs and calls the function.
    fn call(&self, cx: Cx, input: RawInput) -> BoxFuture<'static, Result<Response>>;
}

/// Implements [`Handler`] for functions of the context and these inputs.
macro_rules! handler {
    ($($input:ident)*) => {
        impl<F, Fut, R, $($input),*> Handler<($($input,)* R,)> for F
        where
            F: Fn(Cx, $($input),*) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = Result<R>> + Send + 'static,
            R: Reply,
            $($input: Input + 'static),*
        {
            fn describe(&self, spec: &mut Spec) {
                $($input::describe(spec);)*
                spec.reply = R::spec();
            }
            #[allow(non_snake_case, unused_mut, unused_variables, clippy::allow_attributes)]
            fn call(&self, cx: Cx, mut input: RawInput) -> BoxFuture<'static, Result<Response>> {
                $(let $input = match $input::take(&cx, &mut input) {
                    Ok(value) => value,
                    Err(problem) => return Box::pin(std::future::ready(Err(problem))),
                };)*
                let future = self(cx, $($input),*);
                Box::pin(async move { future.await?.respond() })
            }
        }
    };
}

handler!();
handler!(A);
handler!(A B);
handler!(A B C);
