//! What handlers take: path ids, list queries, bodies, each of which also describes itself.

use std::sync::Arc;

use http::HeaderMap;
use kernel::{
    Body, Draft, Family, Fault, Id, Invalid, Problem, Result,
    body::schema,
    query::{ListQuery, pairs},
};
use serde_json::Value;

use crate::{brand::OwnBrand, cx::Cx, gate, operations::Spec};

/// What a request brought, after the gate has read it.
#[derive(Clone)]
pub struct RawInput {
    /// The path parameters' values, in order.
    pub path: Vec<String>,
    /// The query string, as sent.
    pub query: String,
    /// The body, read as JSON.
    pub body: Option<Value>,
    /// The headers, if the handler wants them.
    pub headers: Option<Arc<HeaderMap>>,
    /// For pages, the brand of the organization that the caller or the portal is of.
    pub brand: OwnBrand,
}

/// Something that a handler takes.
pub trait Input: Sized + Send {
    /// Completes the operation's declaration.
    fn describe(spec: &mut Spec);
    /// Reads it.
    fn take(cx: &Cx, input: &mut RawInput) -> Result<Self>;
}

/// The ids in the path: one, or a tuple.
pub struct At<T>(pub T);

/// One or more ids.
pub trait PathIds: Sized + Send {
    /// How many.
    const COUNT: usize;
    /// Whether the last one is a name that somebody else gave.
    const NAMED_LAST: bool = false;
    /// Reads them; fails with the number of the bad one.
    fn read(values: &[String]) -> Result<Self, usize>;
}

impl<T> PathIds for Id<T> {
    const COUNT: usize = 1;
    fn read(values: &[String]) -> Result<Self, usize> {
        values.first().and_then(|value| value.parse().ok()).ok_or(0)
    }
}
impl<A, B> PathIds for (Id<A>, Id<B>) {
    const COUNT: usize = 2;
    fn read(values: &[String]) -> Result<Self, usize> {
        Ok((Id::read(values)?, Id::read(values.get(1..).unwrap_or_default()).map_err(|_| 1_usize)?))
    }
}

impl<A, B, C> PathIds for (Id<A>, Id<B>, Id<C>) {
    const COUNT: usize = 3;
    fn read(values: &[String]) -> Result<Self, usize> {
        let (a, b) = PathIds::read(values)?;
        Ok((a, b, Id::read(values.get(2..).unwrap_or_default()).map_err(|_| 2_usize)?))
    }
}
/// Below an id, a name that somebody else gave.
impl<A> PathIds for (Id<A>, String) {
    const COUNT: usize = 2;
    const NAMED_LAST: bool = true;
    fn read(values: &[String]) -> Result<Self, usize> {
        Ok((Id::read(values)?, values.get(1).cloned().unwrap_or_default()))
    }
}

impl<T: PathIds> Input for At<T> {
    fn describe(spec: &mut Spec) {
        assert_eq!(
            spec.path_parameters().count(),
            T::COUNT,
            "[{}] takes other path parameters than its path has",
            spec.id
        );
        spec.named_last = T::NAMED_LAST;
    }

    fn take(cx: &Cx, input: &mut RawInput) -> Result<Self> {
        T::read(&input.path).map(At).map_err(|bad| malformed_id(cx.spec(), bad))
    }
}

/// A path id that is no UUID: 400 where the contract declares the id a UUID and the operation a 400,
/// else it simply names nothing.
fn malformed_id(spec: &Spec, bad: usize) -> Problem {
    if spec.plain_ids || !spec.errors.contains(&400) {
        return Problem::NotFound(spec.path_parameters().nth(bad).map_or("resource", what));
    }
    let name = spec.path_parameters().nth(bad).unwrap_or("id");
    // Identity names path parameters as its Go code does: `teamID`.
    let field = match (spec.family, name.strip_suffix("Id")) {
        (Family::Identity, Some(stem)) => format!("{stem}ID"),
        _ => name.to_owned(),
    };
    Problem::Invalid(vec![Invalid::path(field, Fault::BadPathId)])
}

/// What a path parameter names, in words.
fn what(parameter: &str) -> &'static str {
    match parameter {
        "teamId" => "team",
        "userId" => "user",
        "accountId" => "system account",
        "tokenId" => "access token",
        "roleId" => "assigned role",
        "idpId" => "identity provider",
        "dcrProviderId" => "DCR provider",
        "authStrategyId" => "application auth strategy",
        "portalId" => "portal",
        "developerId" => "developer",
        "apiId" => "API",
        "apiProductId" => "API product",
        "apiProductVersionId" | "productVersionId" => "product version",
        "organizationId" => "organization",
        "applicationId" => "application",
        "registrationId" => "registration",
        "credentialId" => "credential",
        "bridgeKeyId" => "bridge key",
        "implementationId" => "implementation",
        _ => "resource",
    }
}

impl Input for ListQuery {
    fn describe(spec: &mut Spec) {
        assert!(spec.collection.is_some(), "[{}] takes a list query but declares no list", spec.id);
    }

    fn take(cx: &Cx, input: &mut RawInput) -> Result<Self> {
        let collection =
            cx.spec().collection.ok_or_else(|| Problem::internal("a list without a collection"))?;
        Self::parse(&pairs(&input.query)?, collection, cx.app().settings.page_limits)
    }
}

/// The query string's parameters, for operations with parameters of their own.
pub struct Query(pub Vec<kernel::query::Pair>);

impl Query {
    /// A parameter's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name)?.1.as_deref()
    }

    /// A parameter that is `true` or `false`; what it is with no value is told, and without it it is `false`.
    pub fn flag(&self, name: &'static str, empty: bool) -> Result<bool> {
        let Some((_, value)) = self.0.iter().find(|(given, _)| given == name) else { return Ok(false) };
        match value.as_deref() {
            None | Some("") => Ok(empty),
            Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => {
                let choices = ["true", "false"].map(str::to_owned).to_vec();
                Err(Problem::Invalid(vec![Invalid::query(name, Fault::NotOneOf(choices))]))
            }
        }
    }
}

impl Input for Query {
    fn describe(spec: &mut Spec) {
        assert!(!spec.query.is_empty(), "[{}] takes query parameters but declares none", spec.id);
    }

    fn take(_: &Cx, input: &mut RawInput) -> Result<Self> {
        pairs(&input.query).map(Self)
    }
}

/// The path's one parameter, where it is a text and not an id.
pub struct Segment(pub String);

impl Input for Segment {
    fn describe(spec: &mut Spec) {
        assert_eq!(spec.path_parameters().count(), 1, "[{}] has not one path parameter", spec.id);
        spec.plain_ids = true;
    }

    fn take(_: &Cx, input: &mut RawInput) -> Result<Self> {
        // No text of a database has a NUL, so what has one names nothing.
        Ok(Self(input.path.pop().unwrap_or_default().replace('\0', "\u{fffd}")))
    }
}

/// The header of keys that are none of the gate's.
pub const API_KEY: &str = "x-api-key";

/// The request's headers, for operations whose credential is none of the gate's.
pub struct Headers(Arc<HeaderMap>);

impl Headers {
    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        gate::cookie(&self.0, name)
    }

    /// The text of the key that an operation with one of its own takes.
    pub fn api_key(&self) -> Option<&str> {
        self.0.get(API_KEY)?.to_str().ok()
    }

    /// The text of a bearer token.
    pub fn bearer(&self) -> Option<&str> {
        gate::bearer(&self.0)
    }
}

impl Input for Headers {
    fn describe(spec: &mut Spec) {
        spec.headers = true;
    }

    fn take(_: &Cx, input: &mut RawInput) -> Result<Self> {
        Ok(Self(input.headers.take().unwrap_or_default()))
    }
}

impl<T: Body + Send> Input for Draft<T> {
    fn describe(spec: &mut Spec) {
        spec.body = Some((T::NAME, schema::<T>));
    }

    fn take(_: &Cx, input: &mut RawInput) -> Result<Self> {
        Self::new(input.body.take().unwrap_or_else(|| Value::Object(serde_json::Map::new())))
    }
}
