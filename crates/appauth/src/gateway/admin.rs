//! The gateway's Admin API, as far as it is needed: lists by tag, and entities that are put and deleted by id.

use std::{fmt, sync::Arc};

use frame::outbound::{Outbound, OutboundError};
use http::{HeaderName, Method};
use kernel::Secret;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Notify;

use super::Settings;

/// Longest page of a list.
const LONGEST: usize = 16 * 1024 * 1024;
/// How many entities are asked for at a time, which is the most that the gateway gives.
const PAGE: u32 = 1000;

/// Why the gateway did not do what it was told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It does not do anything now: there is no use in telling it more.
    Away(String),
    /// It does not take this.
    Refused(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Away(why) | Self::Refused(why)) = self;
        f.write_str(why)
    }
}

impl From<OutboundError> for Fault {
    fn from(error: OutboundError) -> Self {
        Self::Away(format!("the gateway's Admin API: {error}"))
    }
}

/// The Admin API.
#[derive(Clone)]
pub struct Admin(Arc<Inner>);

struct Inner {
    outbound: Outbound,
    settings: Settings,
    due: Notify,
}

/// A page of a list.
#[derive(Deserialize)]
struct Page {
    data: Vec<Value>,
    #[serde(default)]
    offset: Option<String>,
}

/// What the gateway says of a fault. Its message may hold the key that the fault is about, so it is left out.
#[derive(Deserialize, Default)]
struct Complaint {
    #[serde(default)]
    name: Option<String>,
}

impl Admin {
    /// The one that is set. The operator names it, so it may be anywhere.
    pub fn new(anywhere: &Outbound, settings: Settings) -> Self {
        let outbound = anywhere.to("gateway").without_redirects();
        Self(Arc::new(Inner { outbound, settings, due: Notify::new() }))
    }

    /// What is set about it.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// What is due is looked at now, rather than within a second.
    pub fn wake(&self) {
        self.0.due.notify_one();
    }

    /// Waits until somebody says that something is due.
    pub async fn woken(&self) {
        self.0.due.notified().await;
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Secret<String>>,
    ) -> Result<frame::outbound::Answer, Fault> {
        let Settings { url, token, .. } = &self.0.settings;
        let mut request = self.0.outbound.request(method, &format!("{url}{path}"))?.at_most(LONGEST);
        if let Some(token) = token {
            request = request.secret_header(HeaderName::from_static("kong-admin-token"), token)?;
        }
        if let Some(body) = body {
            let json = HeaderName::from_static("content-type");
            request = request.header(json, "application/json").body(body.reveal().clone().into_bytes());
        }
        let answer = request.send().await?;
        let status = answer.status;
        match status.as_u16() {
            200..=299 => Ok(answer),
            401 | 403 => Err(Fault::Away(format!(
                "the gateway's Admin API answers {}: gateway-admin-token is not the right one",
                status.as_u16()
            ))),
            429 | 300..=399 | 500..=599 => {
                Err(Fault::Away(format!("the gateway's Admin API answers {}", status.as_u16())))
            }
            _ => {
                let named = answer.json::<Complaint>().unwrap_or_default().name;
                let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.');
                let named: String = named.iter().flat_map(|it| it.chars()).filter(plain).take(80).collect();
                let named = if named.is_empty() { named } else { format!(" ({named})") };
                Err(Fault::Refused(format!("the gateway answers {}{named}", status.as_u16())))
            }
        }
    }

    /// A part of the entities of a collection, `/plugins` say, that have a tag, and where the next one begins.
    pub async fn page(
        &self,
        collection: &str,
        tag: &str,
        offset: Option<&str>,
    ) -> Result<(Vec<Value>, Option<String>), Fault> {
        let mut path = format!("{collection}?tags={tag}&size={PAGE}");
        if let Some(offset) = offset {
            path.push_str("&offset=");
            path.extend(utf8_percent_encode(offset, NON_ALPHANUMERIC));
        }
        let Page { data, offset } = self.send(Method::GET, &path, None).await?.json()?;
        Ok((data, offset.filter(|next| !next.is_empty())))
    }

    /// Makes an entity what it is to be, whether it is there or not.
    pub async fn put(&self, path: &str, body: &Secret<String>) -> Result<(), Fault> {
        self.send(Method::PUT, path, Some(body)).await.map(|_| ())
    }

    /// Removes an entity. That there is none is no fault.
    pub async fn delete(&self, path: &str) -> Result<(), Fault> {
        self.send(Method::DELETE, path, None).await.map(|_| ())
    }

    /// Looks whether it is there and lets us in.
    pub async fn probe(&self) -> Result<(), Fault> {
        self.send(Method::GET, "/plugins?size=1", None).await.map(|_| ())
    }
}
