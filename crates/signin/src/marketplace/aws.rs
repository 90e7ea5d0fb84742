//! AWS's SDK, which nothing else here knows. It speaks through [`frame::outbound`], signs by our clock, and finds its
//! credentials where AWS's own tools do: environment, profile, web identity, container, instance.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_config::{BehaviorVersion, Region, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_marketplacemetering::{
    Client,
    config::{
        Builder, Credentials as Keys,
        http::{HttpRequest, HttpResponse},
    },
    error::{ConnectorError, ProvideErrorMetadata, SdkError},
    operation::{RequestId, resolve_customer::ResolveCustomerError},
};
use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    runtime_components::RuntimeComponents,
};
use frame::outbound::{Answer, Outbound, OutboundError};
use http_body_util::BodyExt;
use kernel::{Secret, WallClock, problem::chain};
use tokio::sync::OnceCell;

use super::{Customer, Settings, Unresolved};

/// Longest that one attempt may take, and all of them together, the search for credentials included.
const ATTEMPT: Duration = Duration::from_secs(4);
const WHOLE: Duration = Duration::from_secs(9);
const ATTEMPTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Where credentials come from.
pub enum Credentials {
    /// From where AWS's own tools find them.
    Standard,
    /// These: an access key's id and its secret.
    Key(String, Secret<String>),
}

/// What asks AWS. It is made with the first question, since looking for credentials takes time.
pub struct Resolver {
    pub(super) settings: Settings,
    outbound: Outbound,
    wall: Arc<dyn WallClock>,
    credentials: Credentials,
    client: OnceCell<Client>,
}

impl Resolver {
    /// One that goes out by `outbound`.
    pub fn new(
        settings: Settings,
        outbound: Outbound,
        wall: Arc<dyn WallClock>,
        credentials: Credentials,
    ) -> Self {
        Self { settings, outbound, wall, credentials, client: OnceCell::new() }
    }

    async fn connect(&self) -> Client {
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT).operation_timeout(WHOLE);
        let retries = RetryConfig::standard()
            .with_max_attempts(ATTEMPTS)
            .with_initial_backoff(FIRST_PAUSE)
            .with_max_backoff(LONGEST_PAUSE);
        let mut common = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::new(self.settings.region.clone()))
            .http_client(Way(self.outbound.clone()))
            .time_source(Machine(Arc::clone(&self.wall)))
            .retry_config(retries)
            .timeout_config(timeouts.build());
        if let Credentials::Key(id, secret) = &self.credentials {
            common = common.credentials_provider(Keys::new(id, secret.reveal(), None, None, "given"));
        }
        // The endpoint is this service's alone: whoever hands out credentials is elsewhere.
        let mut own = Builder::from(&common.load().await);
        own.set_endpoint_url(self.settings.endpoint.clone());
        Client::from_conf(own.build())
    }

    /// Asks whose token this is. The token is passed on as it is.
    pub(super) async fn resolve(&self, token: &Secret<String>) -> Result<Customer, Unresolved> {
        let client = self.client.get_or_init(|| self.connect()).await;
        let answer = client.resolve_customer().registration_token(token.reveal()).send().await;
        let answer = answer.map_err(|error| unresolved(&error))?;
        let told = |text: Option<String>| text.filter(|text| !text.is_empty());
        match (told(answer.customer_aws_account_id), told(answer.product_code)) {
            (Some(aws_account_id), Some(product_code)) => Ok(Customer {
                aws_account_id,
                product_code,
                license_arn: told(answer.license_arn),
                customer_identifier: told(answer.customer_identifier),
            }),
            _ => {
                tracing::error!("AWS Marketplace named no account or no product");
                Err(Unresolved::Unavailable(FAILED))
            }
        }
    }
}

const NO_TOKEN: &str = "is no registration token of AWS Marketplace";
const FAILED: &str = "AWS Marketplace failed to answer";
const REFUSED: &str = "AWS Marketplace refuses this installation";
const DISABLED: &str = "AWS Marketplace does not offer this in the region that is set";
const BUSY: &str = "AWS Marketplace is asked too often";
const UNREACHABLE: &str = "AWS Marketplace cannot be reached";
const SLOW: &str = "AWS Marketplace took too long to answer";
const NOBODY: &str = "This installation has no credentials for AWS Marketplace";

/// What an error means to the client. What the operator can do something about is logged, without the words of
/// AWS, which sometimes quote what they complain of.
fn unresolved(error: &SdkError<ResolveCustomerError>) -> Unresolved {
    let why = match error {
        SdkError::ServiceError(refusal) => match told(refusal.err(), refusal.raw().status().as_u16()) {
            Unresolved::Unavailable(why) => why,
            token => return token,
        },
        SdkError::TimeoutError(_) => SLOW,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => SLOW,
        SdkError::DispatchFailure(failure) if failure.is_io() => UNREACHABLE,
        SdkError::DispatchFailure(failure) if failure.is_other() => NOBODY,
        _ => FAILED,
    };
    let request = error.request_id().unwrap_or_default();
    match error.as_service_error() {
        Some(refusal) => tracing::warn!(code = refusal.code(), request, "{why}"),
        None => tracing::warn!(error = chain(error), "{why}"),
    }
    Unresolved::Unavailable(why)
}

/// What a refusal of the service means.
fn told(refusal: &ResolveCustomerError, status: u16) -> Unresolved {
    use ResolveCustomerError as E;
    // Credentials that have expired are told by the name that an expired registration token has.
    let of_credentials = || refusal.message().is_some_and(|text| text.contains("security token"));
    match refusal {
        E::ExpiredTokenException(_) if !of_credentials() => Unresolved::Token("has expired"),
        E::InvalidTokenException(_) => Unresolved::Token(NO_TOKEN),
        E::ThrottlingException(_) => Unresolved::Unavailable(BUSY),
        E::DisabledApiException(_) => Unresolved::Unavailable(DISABLED),
        E::InternalServiceErrorException(_) => Unresolved::Unavailable(FAILED),
        // It has not even the form of one.
        other if other.code() == Some("ValidationException") => Unresolved::Token(NO_TOKEN),
        _ if status >= 500 => Unresolved::Unavailable(FAILED),
        _ => Unresolved::Unavailable(REFUSED),
    }
}

/// The machine's time, as the SDK asks for it.
struct Machine(Arc<dyn WallClock>);

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Machine")
    }
}

impl TimeSource for Machine {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_micros(u64::try_from(self.0.now().micros()).unwrap_or_default())
    }
}

/// The way out, as the SDK asks for it: its own would turn HTTP/2 on in the server as well.
#[derive(Clone)]
struct Way(Outbound);

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Way")
    }
}

impl HttpClient for Way {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let limit =
            settings.connect_timeout().unwrap_or_default() + settings.read_timeout().unwrap_or_default();
        SharedHttpConnector::new(Road { way: self.clone(), limit: settings.read_timeout().map(|_| limit) })
    }
}

/// The same, with a limit of time if the SDK sets one, as it does for services that may not be there.
#[derive(Clone, Debug)]
struct Road {
    way: Way,
    limit: Option<Duration>,
}

impl HttpConnector for Road {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let road = self.clone();
        HttpConnectorFuture::new(async move { road.exchange(request).await })
    }
}

impl Road {
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(ConnectorError::user)?.to_bytes();
        let out = self.way.0.request(parts.method, &parts.uri.to_string()).map_err(failed)?;
        let mut out = out.headers(parts.headers).body(body.into());
        if let Some(limit) = self.limit {
            out = out.timeout(limit);
        }
        let Answer { status, headers, body } = out.send().await.map_err(failed)?;
        let mut answer = http::Response::new(body.into());
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        HttpResponse::try_from(answer).map_err(|error| ConnectorError::user(error.into()))
    }
}

/// What failed, in the words that the SDK decides by whether to try again.
fn failed(error: OutboundError) -> ConnectorError {
    match error {
        OutboundError::TimedOut => ConnectorError::timeout(error.into()),
        OutboundError::Unreachable | OutboundError::Interrupted => ConnectorError::io(error.into()),
        _ => ConnectorError::user(error.into()),
    }
}
