//! What handlers return. The status is in the type, so the document follows from the signature.

use http::{HeaderName, HeaderValue, header};
use kernel::{Problem, Result};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

/// A reply as it goes out.
pub struct Response {
    /// The status.
    pub status: u16,
    /// The body and its content type; `None` for none.
    pub body: Option<(&'static str, Vec<u8>)>,
    /// Headers beside those that every reply has.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl Response {
    /// A reply with a body.
    pub const fn with_body(status: u16, content_type: &'static str, body: Vec<u8>) -> Self {
        Self { status, body: Some((content_type, body)), headers: Vec::new() }
    }

    /// A reply without one.
    pub const fn empty(status: u16) -> Self {
        Self { status, body: None, headers: Vec::new() }
    }
}

/// JSON, as every success body is.
pub const JSON: &str = "application/json";

/// What a reply looks like.
pub struct ReplySpec {
    /// The status of success.
    pub status: u16,
    /// The schema of the body; `None` for none.
    pub schema: Option<fn(&mut SchemaGenerator) -> Schema>,
    /// The body's content type.
    pub content_type: &'static str,
}

impl ReplySpec {
    /// Before it is known.
    pub const EMPTY: Self = Self { status: 204, schema: None, content_type: JSON };
}

/// Something that a handler returns.
pub trait Reply: Send + 'static {
    /// What it looks like.
    fn spec() -> ReplySpec;
    /// Writes it.
    fn respond(self) -> Result<Response>;
}

/// 200 with a body.
pub struct Found<T>(pub T);
/// 201 with a body.
pub struct Created<T>(pub T);
/// 202 with a body.
pub struct Accepted<T>(pub T);
/// 201 without a body.
pub struct CreatedEmpty;
/// 202 without a body.
pub struct AcceptedEmpty;
/// 200 without a body.
pub struct FoundEmpty;
/// 204.
pub struct Done;
/// 302 to elsewhere, with more headers.
pub struct Leave {
    /// Where to.
    pub location: String,
    /// More headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}
/// 200 with SAML metadata.
pub struct SamlMetadata(pub String);
/// 200 with metrics in the OpenMetrics text format.
pub struct OpenMetrics(pub String);

fn json<T: Serialize>(status: u16, value: &T) -> Result<Response> {
    let body = serde_json::to_vec(value).map_err(|error| Problem::Internal(Box::new(error)))?;
    Ok(Response::with_body(status, JSON, body))
}

impl<T: Serialize + JsonSchema + Send + 'static> Reply for Found<T> {
    fn spec() -> ReplySpec {
        ReplySpec {
            status: 200,
            schema: Some(|generator| generator.subschema_for::<T>()),
            content_type: JSON,
        }
    }
    fn respond(self) -> Result<Response> {
        json(200, &self.0)
    }
}

impl<T: Serialize + JsonSchema + Send + 'static> Reply for Created<T> {
    fn spec() -> ReplySpec {
        ReplySpec {
            status: 201,
            schema: Some(|generator| generator.subschema_for::<T>()),
            content_type: JSON,
        }
    }
    fn respond(self) -> Result<Response> {
        json(201, &self.0)
    }
}

impl<T: Serialize + JsonSchema + Send + 'static> Reply for Accepted<T> {
    fn spec() -> ReplySpec {
        ReplySpec {
            status: 202,
            schema: Some(|generator| generator.subschema_for::<T>()),
            content_type: JSON,
        }
    }
    fn respond(self) -> Result<Response> {
        json(202, &self.0)
    }
}

impl Reply for CreatedEmpty {
    fn spec() -> ReplySpec {
        ReplySpec { status: 201, ..ReplySpec::EMPTY }
    }
    fn respond(self) -> Result<Response> {
        Ok(Response::empty(201))
    }
}

impl Reply for AcceptedEmpty {
    fn spec() -> ReplySpec {
        ReplySpec { status: 202, ..ReplySpec::EMPTY }
    }
    fn respond(self) -> Result<Response> {
        Ok(Response::empty(202))
    }
}

impl Reply for FoundEmpty {
    fn spec() -> ReplySpec {
        ReplySpec { status: 200, ..ReplySpec::EMPTY }
    }
    fn respond(self) -> Result<Response> {
        Ok(Response::empty(200))
    }
}

impl Reply for Done {
    fn spec() -> ReplySpec {
        ReplySpec::EMPTY
    }
    fn respond(self) -> Result<Response> {
        Ok(Response::empty(204))
    }
}

impl Reply for Leave {
    fn spec() -> ReplySpec {
        ReplySpec { status: 302, ..ReplySpec::EMPTY }
    }
    fn respond(self) -> Result<Response> {
        let Self { location, mut headers } = self;
        let location = HeaderValue::from_str(&location)
            .map_err(|_| Problem::internal("a place that cannot be written"))?;
        headers.push((header::LOCATION, location));
        Ok(Response { headers, ..Response::empty(302) })
    }
}

const SAML_METADATA: &str = "application/samlmetadata+xml";

impl Reply for SamlMetadata {
    fn spec() -> ReplySpec {
        ReplySpec {
            status: 200,
            schema: Some(|generator| generator.subschema_for::<String>()),
            content_type: SAML_METADATA,
        }
    }
    fn respond(self) -> Result<Response> {
        Ok(Response::with_body(200, SAML_METADATA, self.0.into_bytes()))
    }
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl Reply for OpenMetrics {
    fn spec() -> ReplySpec {
        ReplySpec {
            status: 200,
            schema: Some(|generator| generator.subschema_for::<String>()),
            content_type: OPEN_METRICS,
        }
    }
    fn respond(self) -> Result<Response> {
        Ok(Response::with_body(200, OPEN_METRICS, self.0.into_bytes()))
    }
}
