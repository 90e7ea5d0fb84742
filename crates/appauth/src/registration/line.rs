//! The line to one provider, for one operation: how long it may take, how often it is tried again, and what an
//! answer means that is none.

use std::{sync::Arc, time::Duration};

use frame::outbound::{Answer, Outbound, OutboundError, Request};
use http::{Method, StatusCode, header};
use kernel::{DcrProviderId, Secret, Timestamp};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use super::{Fault, Field, Registrar, answers::Refusal};

/// Longest answer.
const LONGEST: usize = 256 * 1024;
/// How often something is tried in all.
const TRIES: u32 = 3;
/// Longest wait between two tries, whatever a provider asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What may be sent again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retry {
    /// What has the same effect twice as once.
    Safe,
    /// What makes something each time: only if it cannot have been worked off.
    Once,
}

/// The line.
pub struct Line {
    /// The guarded client.
    pub outbound: Outbound,
    /// When the operation has to be over.
    pub deadline: Timestamp,
    /// What is never shown.
    pub secret: Secret<String>,
    /// The provider.
    pub provider: DcrProviderId,
    /// So many requests at once.
    pub permits: Arc<Semaphore>,
    /// What all lines share.
    pub registrar: Registrar,
}

impl Line {
    /// Begins a request.
    pub fn request(&self, method: Method, url: &str) -> Result<Request, Fault> {
        let request = self.outbound.request(method, url).map_err(|error| refused(&error))?;
        Ok(request.at_most(LONGEST).header(header::ACCEPT, "application/json"))
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.registrar.0.wall.now()
    }

    /// Waits, if there is so much time; otherwise says so.
    pub async fn wait(&self, span: Duration) -> bool {
        let enough = self.now().plus(span) < self.deadline;
        if enough {
            tokio::time::sleep(span).await;
        }
        enough
    }

    /// Sends a request, again if that may help, and returns what was answered to it: a success or a refusal.
    pub async fn send(&self, request: Request, retry: Retry) -> Result<Answer, Fault> {
        let mut tried = 1;
        loop {
            let next = request.again();
            let halt = match self.attempt(request.again(), retry).await {
                Ok(answer) => return Ok(answer),
                Err(halt) => halt,
            };
            let Some(_) = next.filter(|_| halt.again && tried < TRIES) else { return Err(halt.fault) };
            if !self.wait(self.pause(tried, halt.after)).await {
                return Err(halt.fault);
            }
            tried += 1;
        }
    }

    async fn attempt(&self, request: Option<Request>, retry: Retry) -> Result<Answer, Halt> {
        let left = self.deadline.since(self.now());
        let request = request.ok_or_else(|| Halt::now(Fault::transient("the request cannot be sent")))?;
        let busy = || Halt::now(Fault::transient("too many requests to it are under way"));
        let permit = tokio::time::timeout(left, self.permits.acquire()).await;
        let _permit = permit.map_err(|_| busy())?.map_err(|_| busy())?;
        let left = self.deadline.since(self.now()).min(self.registrar.0.settings.timeout);
        let answer = request.timeout(left).send().await.map_err(|error| Halt::of_error(&error, retry))?;
        match answer.status.as_u16() {
            300..=399 => Err(Halt::now(Fault::configuration(format!(
                "{} sends elsewhere, which is not followed",
                status(answer.status)
            )))),
            429 | 500..=599 => Err(self.halt_of(&answer, retry)),
            _ => Ok(answer),
        }
    }

    fn halt_of(&self, answer: &Answer, retry: Retry) -> Halt {
        let after = retry_after(answer, self.now());
        let said = self.said(answer);
        let fault = match answer.status.as_u16() {
            429 | 503 => Fault::Transient { why: said, after },
            _ if retry == Retry::Once => Fault::Unknown(said),
            _ => Fault::Transient { why: said, after },
        };
        let again = match (retry, answer.status.as_u16()) {
            (_, 429) => true,
            (Retry::Safe, 502..=504) => true,
            (Retry::Once, 503) => after.is_some(),
            _ => false,
        };
        // Somebody who wants to be left alone for longer than we wait is left alone.
        Halt { fault, again: again && after.is_none_or(|after| after <= LONGEST_WAIT), after }
    }

    /// Between two tries: as asked, else longer each time, and never quite the same.
    fn pause(&self, tried: u32, after: Option<Duration>) -> Duration {
        let mut random = [0];
        self.registrar.0.entropy.fill(&mut random);
        let jitter = Duration::from_millis(u64::from(random[0]));
        (after.unwrap_or(Duration::from_millis(250) * 2_u32.pow(tried)) + jitter).min(LONGEST_WAIT)
    }

    /// Sends a request that has to succeed.
    pub async fn good(&self, request: Request, retry: Retry) -> Result<Answer, Fault> {
        let answer = self.send(request, retry).await?;
        if answer.status.is_success() { Ok(answer) } else { Err(self.refused(&answer)) }
    }

    /// Sends a request that has to succeed, and reads its JSON.
    pub async fn json(&self, request: Request, retry: Retry) -> Result<Map<String, Value>, Fault> {
        let answer = self.good(request, retry).await?;
        self.object(&answer, retry)
    }

    /// The JSON of a success. If it is none, nobody knows what happened.
    pub fn object(&self, answer: &Answer, retry: Retry) -> Result<Map<String, Value>, Fault> {
        answer.json().map_err(|_| {
            let why = format!("{} comes without the JSON that is expected", status(answer.status));
            if retry == Retry::Once { Fault::Unknown(why) } else { Fault::Configuration(why) }
        })
    }

    /// What a refusal of something that is about one client means.
    pub fn refused(&self, answer: &Answer) -> Fault {
        let refusal = Refusal::of(answer);
        let said = self.said(answer);
        match answer.status.as_u16() {
            400 | 422 if refusal.is_about_redirects() => Fault::Input(Field::RedirectUri),
            400 | 422 if refusal.mentions(&["client_name", "displayname", "'name'", "\\\"name\\\""]) => {
                Fault::Input(Field::Name)
            }
            404 | 410 => Fault::Gone,
            409 => Fault::Exists,
            _ => Fault::Configuration(said),
        }
    }

    /// An answer in a few words of ours: its status, and its code if it is one.
    pub fn said(&self, answer: &Answer) -> String {
        match Refusal::of(answer).shown(&self.secret) {
            Some(code) => format!("it answers with {} ({code})", status(answer.status)),
            None => format!("it answers with {}", status(answer.status)),
        }
    }
}

/// Why an attempt did not bring an answer.
struct Halt {
    fault: Fault,
    again: bool,
    after: Option<Duration>,
}

impl Halt {
    fn now(fault: Fault) -> Self {
        Self { fault, again: false, after: None }
    }

    fn of_error(error: &OutboundError, retry: Retry) -> Self {
        let (again, fault) = match (error, retry) {
            (OutboundError::Refused(_), _) => (false, refused(error)),
            (OutboundError::Unreachable, _) => (true, Fault::transient(error.to_string())),
            (_, Retry::Once) => (false, Fault::Unknown(error.to_string())),
            (OutboundError::Interrupted, Retry::Safe) => (true, Fault::transient(error.to_string())),
            (OutboundError::TooLong(_), Retry::Safe) => (false, Fault::Configuration(error.to_string())),
            (_, Retry::Safe) => (false, Fault::transient(error.to_string())),
        };
        Self { fault, again, after: None }
    }
}

/// An address that may not be asked is an administrator's to mend.
fn refused(error: &OutboundError) -> Fault {
    match error {
        OutboundError::Refused(_) => Fault::Configuration(error.to_string()),
        error => Fault::transient(error.to_string()),
    }
}

fn status(status: StatusCode) -> String {
    format!("status {}", status.as_u16())
}

/// When to try again: `Retry-After` in seconds or as a date (RFC 9110 section 10.2.3), or the second since 1970
/// that Auth0 and Okta name.
fn retry_after(answer: &Answer, now: Timestamp) -> Option<Duration> {
    if let Some(text) = answer.header("retry-after") {
        let seconds = text.trim().parse().ok().map(Duration::from_secs);
        return seconds.or_else(|| Some(http_date(text)?.since(now)));
    }
    if answer.status != StatusCode::TOO_MANY_REQUESTS {
        return None;
    }
    let reset = ["x-ratelimit-reset", "x-rate-limit-reset"].iter().find_map(|name| answer.header(name))?;
    let at = reset.trim().parse::<i64>().ok()?;
    Some(Timestamp::from_micros(at.saturating_mul(1_000_000)).since(now))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, the one form of a date that is sent today.
fn http_date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.trim().split_once(", ")?.1.split(' ');
    let (day, month, year, time) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    format!("{year}-{month:02}-{day}T{time}Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(headers: &[(&'static str, &str)]) -> Answer {
        let headers = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_str(value).unwrap())
        });
        Answer { status: StatusCode::TOO_MANY_REQUESTS, headers: headers.collect(), body: Vec::new() }
    }

    #[test]
    fn when_to_try_again_is_said_in_several_ways() {
        let now: Timestamp = "1994-11-06T08:49:30Z".parse().unwrap();
        let at = now.micros() / 1_000_000 + 9;
        for (headers, seconds) in [
            (vec![("retry-after", "7")], Some(7)),
            (vec![("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")], Some(7)),
            (vec![("retry-after", "Sun, 06 Nov 1994 08:49:00 GMT")], Some(0)),
            (vec![("retry-after", "soon")], None),
            (vec![("x-ratelimit-reset", &*at.to_string())], Some(9)),
            (vec![("x-rate-limit-reset", &*at.to_string())], Some(9)),
            (vec![], None),
        ] {
            let got = retry_after(&answer(&headers), now);
            assert_eq!(got, seconds.map(Duration::from_secs), "{headers:?}");
        }
    }
}
