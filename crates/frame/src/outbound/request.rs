//! A request to another service, and what came back.

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use kernel::Secret;
use reqwest::RequestBuilder;
use serde::de::DeserializeOwned;

use super::OutboundError;
use crate::telemetry::Calls;

/// A request that is being put together.
#[must_use]
pub struct Request {
    pub(super) builder: RequestBuilder,
    pub(super) most: usize,
    pub(super) destination: &'static str,
    pub(super) calls: Calls,
}

impl Request {
    fn map(self, change: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Self {
        Self { builder: change(self.builder), ..self }
    }

    /// The same once more; `None` if its body can be read only once, which is never so of those made here.
    pub fn again(&self) -> Option<Self> {
        let builder = self.builder.try_clone()?;
        Some(Self { builder, most: self.most, destination: self.destination, calls: self.calls.clone() })
    }

    /// With a header.
    pub fn header(self, name: HeaderName, value: &str) -> Self {
        self.map(|builder| builder.header(name, value))
    }

    /// With a header that nothing shows.
    pub fn secret_header(self, name: HeaderName, value: &Secret<String>) -> Result<Self, OutboundError> {
        let mut value = HeaderValue::from_str(value.reveal())
            .map_err(|_| OutboundError::Refused("the secret has characters that no header can carry"))?;
        value.set_sensitive(true);
        Ok(self.map(|builder| builder.header(name, value)))
    }

    /// With all of these headers.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.map(|builder| builder.headers(headers))
    }

    /// With a body, whose type is told by a header.
    pub fn body(self, body: Vec<u8>) -> Self {
        self.map(|builder| builder.body(body))
    }

    /// With a user and a password.
    pub fn basic_auth(self, user: &str, password: &str) -> Self {
        self.map(|builder| builder.basic_auth(user, Some(password)))
    }

    /// With a bearer token.
    pub fn bearer_auth(self, token: &Secret<String>) -> Self {
        self.map(|builder| builder.bearer_auth(token.reveal()))
    }

    /// With a form.
    pub fn form(self, form: String) -> Self {
        self.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .map(|builder| builder.body(form))
    }

    /// With JSON.
    pub fn json(self, body: &serde_json::Value) -> Self {
        self.header(header::CONTENT_TYPE, "application/json").map(|builder| builder.body(body.to_string()))
    }

    /// Taking so long at most, from connecting to the end of the answer.
    pub fn timeout(self, span: Duration) -> Self {
        self.map(|builder| builder.timeout(span))
    }

    /// Reading so many bytes at most.
    pub fn at_most(self, bytes: usize) -> Self {
        Self { most: bytes, ..self }
    }

    /// Sends it and reads the answer, whatever its status.
    pub async fn send(self) -> Result<Answer, OutboundError> {
        let Self { builder, most, destination, calls } = self;
        let started = Instant::now();
        let answer = answer(builder, most).await;
        let outcome = match &answer {
            Ok(answer) => match answer.status.as_u16() {
                200..=299 => "2xx",
                300..=399 => "3xx",
                429 => "429",
                400..=499 => "4xx",
                _ => "5xx",
            },
            Err(OutboundError::Refused(_)) => "refused",
            Err(OutboundError::TimedOut) => "timeout",
            Err(OutboundError::Unreachable) => "unreachable",
            Err(_) => "broken",
        };
        calls.count(destination, outcome, started.elapsed());
        answer
    }
}

async fn answer(builder: RequestBuilder, most: usize) -> Result<Answer, OutboundError> {
    let mut response = builder.send().await.map_err(|error| told(&error))?;
    let status = response.status();
    let headers = std::mem::take(response.headers_mut());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| told(&error))? {
        if body.len() + chunk.len() > most {
            return Err(OutboundError::TooLong(most));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body })
}

/// What came back.
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Its JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, OutboundError> {
        serde_json::from_slice(&self.body).map_err(|_| OutboundError::NotJson)
    }
}

/// Sends a request and reads the body of a successful answer.
pub async fn read(request: Request) -> Result<Vec<u8>, OutboundError> {
    let answer = request.send().await?;
    if answer.status.is_success() { Ok(answer.body) } else { Err(OutboundError::Status(answer.status)) }
}

/// Sends a request and reads the JSON of a successful answer.
pub async fn read_json<T: DeserializeOwned>(request: Request) -> Result<T, OutboundError> {
    serde_json::from_slice(&read(request).await?).map_err(|_| OutboundError::NotJson)
}

fn told(error: &reqwest::Error) -> OutboundError {
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(cause) = source {
        if let Some(OutboundError::Refused(why)) = cause.downcast_ref() {
            return OutboundError::Refused(why);
        }
        source = cause.source();
    }
    // A request that never found a connection, in time or at all, was not seen by anybody.
    if error.is_connect() || error.is_builder() {
        OutboundError::Unreachable
    } else if error.is_timeout() {
        OutboundError::TimedOut
    } else {
        OutboundError::Interrupted
    }
}
