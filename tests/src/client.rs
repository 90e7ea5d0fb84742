//! A caller: speaks HTTP as some credential, and reads what comes back.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client as Http, connect::HttpConnector},
    rt::TokioExecutor,
};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use serde_json::Value;

use crate::conformance::Conformance;

/// A caller.
#[derive(Clone)]
pub struct Client {
    http: Http<HttpConnector, Full<Bytes>>,
    base: String,
    token: Option<String>,
    /// The host that it asks for, if that is not where the server is.
    host: Option<String>,
    /// The cookies that it sends with everything.
    cookies: Option<String>,
    /// What every reply is held against; `None` for a caller who provokes faults.
    conformance: Option<Arc<Conformance>>,
}

/// What came back.
pub struct Answer {
    /// The request, for messages.
    request: String,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as JSON; null if it is none.
    pub body: Value,
    /// The body as text.
    pub text: String,
}

impl Client {
    /// A caller without a credential, of the server at this URL.
    pub fn new(base: impl Into<String>) -> Self {
        let http = Http::builder(TokioExecutor::new()).build(HttpConnector::new());
        Self {
            http,
            base: base.into(),
            token: None,
            host: None,
            cookies: None,
            conformance: Some(Conformance::shared()),
        }
    }

    /// The same caller, who takes any reply: for replies that no operation declares, as a 500 is.
    #[must_use]
    pub fn unchecked(&self) -> Self {
        Self { conformance: None, ..self.clone() }
    }

    /// The same server, called with another credential.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same server, called without a credential.
    #[must_use]
    pub fn anonymous(&self) -> Self {
        Self { token: None, cookies: None, ..self.clone() }
    }

    /// The same server, called by another of its names.
    #[must_use]
    pub fn at_host(&self, host: &str) -> Self {
        Self { host: Some(host.to_owned()), ..self.clone() }
    }

    /// The same server, called with these cookies.
    #[must_use]
    pub fn with_cookies(&self, cookies: &str) -> Self {
        Self { cookies: Some(cookies.to_owned()), ..self.clone() }
    }

    /// The credential.
    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    /// The cookies that it sends with everything.
    pub fn cookies(&self) -> &str {
        self.cookies.as_deref().unwrap_or_default()
    }

    /// The host that it asks for.
    pub fn host(&self) -> &str {
        self.host.as_deref().unwrap_or("localhost")
    }

    /// Where the server is.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    /// POST with a form.
    pub async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let encode = |text: &str| percent_encode(text.as_bytes(), NON_ALPHANUMERIC).to_string();
        let pairs = fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        let body = pairs.collect::<Vec<_>>().join("&").into_bytes();
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.send(Method::POST, path, &headers, body).await
    }

    /// PUT with a JSON body.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path, Some(body)).await
    }

    /// PATCH with a JSON body.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, Some(body)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    /// Any method, with an optional JSON body.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let headers: &[(&str, &str)] =
            if body.is_some() { &[("content-type", "application/json")] } else { &[] };
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        self.send(method, path, headers, body).await
    }

    /// A request to a server that may be gone: nothing if no whole reply came.
    pub async fn attempt(&self, method: Method, path: &str, body: Value) -> Option<Answer> {
        self.exchange(method, path, &[("content-type", "application/json")], body.to_string().into_bytes())
            .await
            .ok()
    }

    /// Any request at all.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        self.exchange(method, path, headers, body).await.unwrap_or_else(|fault| panic!("no reply: {fault}"))
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
        let mut request = Request::builder().method(&method).uri(format!("{}{}", self.base, encoded(path)));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(host) = &self.host {
            request = request.header("host", host);
        }
        if let Some(cookies) = &self.cookies {
            request = request.header("cookie", cookies);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::from(body)).expect("a request that can be written");
        let response = self.http.request(request).await?;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await?.to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let answer = Answer {
            request: format!("{method} {path}"),
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
            text,
        };
        if let Some(conformance) = &self.conformance {
            conformance.check(&method, path, &answer);
        }
        Ok(answer)
    }
}

/// Encodes what tests like to write plainly.
fn encoded(path: &str) -> String {
    path.replace('[', "%5B").replace(']', "%5D").replace(' ', "%20").replace('"', "%22")
}

impl Answer {
    /// The body, if the status is this; else the test fails and shows what came.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{} answered {}", self.request, self.text);
        self.body
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The names of the parameters that a 400 complains of, in order.
    #[track_caller]
    pub fn bad_fields(self) -> Vec<String> {
        let body = self.expect(400);
        let entries = body["invalid_parameters"].as_array().cloned().unwrap_or_default();
        entries.iter().map(|entry| entry["field"].as_str().unwrap_or_default().to_owned()).collect()
    }
}
