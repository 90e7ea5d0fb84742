//! The one HTTP client for addresses that somebody may choose: an issuer, metadata. What it refuses it
//! refuses after names are resolved, and it connects to what it looked at, so that a name whose answer
//! changes gains nothing.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Duration,
};

use http::{Method, Response, StatusCode};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
pub use reqwest::RequestBuilder;
use reqwest::{
    Certificate, Client, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};
use serde::de::DeserializeOwned;

const CONNECT: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(10);
/// Longer answers are not read.
const LONGEST: usize = 1024 * 1024;
const REDIRECTS: usize = 3;

/// What the operator allows.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    /// Whether addresses may be in clear.
    pub http: bool,
    /// Networks that may be reached although they are private.
    pub networks: Vec<IpNet>,
    /// Certificate authorities beside those of the system, in PEM.
    pub authorities: Option<Vec<u8>>,
}

impl Allowed {
    /// Everything: for addresses that the operator or the machine itself names, such as that of the service
    /// on a virtual machine's link that hands out its credentials.
    pub fn everything(authorities: Option<Vec<u8>>) -> Self {
        let networks = vec![Ipv4Net::default().into(), Ipv6Net::default().into()];
        Self { http: true, networks, authorities }
    }

    fn address(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        public(ip) || self.networks.iter().any(|net| net.contains(&ip))
    }
}

/// Whether an address belongs to the public internet (IANA special-purpose registries).
fn public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => public_v4(ip),
        IpAddr::V6(ip) => public_v6(ip),
    }
}

fn public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = ip.is_loopback()
        || ip.is_private()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_documentation()
        || matches!((a, b, c), (0 | 240..=255, _, _) | (100, 64..=127, _) | (192, 0, 0) | (198, 18..=19, _));
    !special
}

fn public_v6(ip: Ipv6Addr) -> bool {
    // Only global unicast, and of that nothing which carries an IPv4 address (Teredo, 6to4) or is for examples.
    let [a, b, ..] = ip.segments();
    (0x2000..=0x3fff).contains(&a)
        && a != 0x2002
        && !(a == 0x2001 && (b < 0x200 || b == 0xdb8))
        && a != 0x3fff
}

/// Why nothing came back. It says what failed, and nothing of what was there.
#[derive(Debug, PartialEq, Eq)]
pub enum OutboundError {
    /// The address is none that may be asked.
    Refused(&'static str),
    /// There is no answer.
    Unreachable,
    /// The answer took too long.
    TimedOut,
    /// The answer has another status than success.
    Status(StatusCode),
    /// The answer is too long.
    TooLong,
    /// The answer is not JSON of the shape that is needed.
    NotJson,
}

impl fmt::Display for OutboundError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) => f.write_str(why),
            Self::Unreachable => f.write_str("no connection could be made"),
            Self::TimedOut => f.write_str("the answer took too long"),
            Self::Status(status) => write!(f, "the answer has the status {}", status.as_u16()),
            Self::TooLong => write!(f, "the answer is longer than {LONGEST} bytes"),
            Self::NotJson => f.write_str("the answer is not the JSON that is expected"),
        }
    }
}

impl std::error::Error for OutboundError {}

const CLEAR: &str = "the address is not https";
const PRIVATE: &str = "the address is in a network that is not allowed";

/// Looks names up, and leaves out what must not be reached.
struct Guard(Arc<Allowed>);

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = Arc::clone(&self.0);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let good: Vec<SocketAddr> = found.filter(|address| allowed.address(address.ip())).collect();
            if good.is_empty() {
                return Err(OutboundError::Refused(PRIVATE).into());
            }
            Ok(Box::new(good.into_iter()) as Addrs)
        })
    }
}

/// The client. It is made when it is first needed: reading the system's certificates takes time, and most
/// commands speak to nobody.
#[derive(Clone)]
pub struct Outbound(Arc<Inner>);

struct Inner {
    client: OnceLock<Option<Client>>,
    authorities: Vec<Certificate>,
    allowed: Arc<Allowed>,
}

impl Outbound {
    /// A client that keeps to what is allowed.
    pub fn new(allowed: Allowed) -> Result<Self, reqwest::Error> {
        let authorities = match &allowed.authorities {
            Some(pem) => Certificate::from_pem_bundle(pem)?,
            None => Vec::new(),
        };
        Ok(Self(Arc::new(Inner { client: OnceLock::new(), authorities, allowed: Arc::new(allowed) })))
    }

    fn client(&self) -> Result<&Client, OutboundError> {
        let client = self.0.client.get_or_init(|| {
            self.build().map_err(|error| tracing::error!("no HTTP client can be made: {error}")).ok()
        });
        client.as_ref().ok_or(OutboundError::Unreachable)
    }

    fn build(&self) -> Result<Client, reqwest::Error> {
        Client::builder()
            .tls_certs_merge(self.0.authorities.iter().cloned())
            .dns_resolver(Arc::new(Guard(Arc::clone(&self.0.allowed))))
            .redirect(redirect::Policy::custom(same_origin))
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            .no_proxy()
            .user_agent(concat!("latchkey/", env!("CARGO_PKG_VERSION")))
            .build()
    }

    /// Begins a GET.
    pub fn get(&self, url: &str) -> Result<RequestBuilder, OutboundError> {
        self.request(Method::GET, url)
    }

    /// Begins a POST.
    pub fn post(&self, url: &str) -> Result<RequestBuilder, OutboundError> {
        self.request(Method::POST, url)
    }

    /// Begins a request.
    pub fn request(&self, method: Method, url: &str) -> Result<RequestBuilder, OutboundError> {
        Ok(self.client()?.request(method, self.check(url)?))
    }

    /// An address that a browser is sent to: it reaches other networks than this server does.
    pub fn link(&self, url: &str) -> Result<Url, OutboundError> {
        let url = Url::parse(url).map_err(|_| OutboundError::Refused("the address is not a URL"))?;
        if url.scheme() != "https" && !(url.scheme() == "http" && self.0.allowed.http) {
            return Err(OutboundError::Refused(CLEAR));
        }
        Ok(url)
    }

    fn check(&self, url: &str) -> Result<Url, OutboundError> {
        let url = self.link(url)?;
        // An address that needs no resolution is not shown to the resolver.
        let ip = match url.host() {
            Some(url::Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(url::Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            _ => None,
        };
        if ip.is_some_and(|ip| !self.0.allowed.address(ip)) {
            return Err(OutboundError::Refused(PRIVATE));
        }
        Ok(url)
    }
}

/// Elsewhere is not followed; a place that was checked may send on within itself.
fn same_origin(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let same = attempt.previous().last().is_some_and(|from| from.origin() == attempt.url().origin());
    if same && attempt.previous().len() <= REDIRECTS { attempt.follow() } else { attempt.stop() }
}

/// Sends a request and reads the body of a successful answer.
pub async fn read(request: RequestBuilder) -> Result<Vec<u8>, OutboundError> {
    let (status, body) = read_any(request).await?;
    if status.is_success() { Ok(body) } else { Err(OutboundError::Status(status)) }
}

/// Sends a request and reads the answer, whatever its status.
pub async fn read_any(request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), OutboundError> {
    let (parts, body) = exchange(request).await?.into_parts();
    Ok((parts.status, body))
}

/// Sends a request and reads the answer, whatever its status, with its headers.
pub async fn exchange(request: RequestBuilder) -> Result<Response<Vec<u8>>, OutboundError> {
    let mut response = request.send().await.map_err(|error| told(&error))?;
    let mut answer = Response::new(Vec::new());
    *answer.status_mut() = response.status();
    *answer.headers_mut() = std::mem::take(response.headers_mut());
    let body = answer.body_mut();
    while let Some(chunk) = response.chunk().await.map_err(|error| told(&error))? {
        if body.len() + chunk.len() > LONGEST {
            return Err(OutboundError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(answer)
}

/// Sends a request and reads the JSON of a successful answer.
pub async fn read_json<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, OutboundError> {
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
    if error.is_timeout() { OutboundError::TimedOut } else { OutboundError::Unreachable }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    fn loopback() -> Outbound {
        let networks = vec!["127.0.0.0/8".parse().unwrap()];
        Outbound::new(Allowed { http: true, networks, authorities: None }).unwrap()
    }

    /// Answers every connection with this text, and tells where it listens.
    async fn answering(text: String) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(text.as_bytes()).await;
            }
        });
        address
    }

    #[test]
    fn only_the_public_internet_is_public() {
        for text in ["8.8.8.8", "100.128.0.1", "2a00:1450:4001::1", "2606:4700::1111"] {
            assert!(public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "192.0.0.8",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "ff02::1",
        ] {
            assert!(!public(text.parse().unwrap()), "{text}");
        }
        assert!(!Allowed::default().address("::ffff:127.0.0.1".parse().unwrap()));
        for text in ["169.254.169.254", "fd00:ec2::254"] {
            assert!(Allowed::everything(None).address(text.parse().unwrap()), "{text}");
        }
    }

    #[tokio::test]
    async fn private_places_are_refused_by_address_and_by_name() {
        let client = Outbound::new(Allowed { http: true, ..Allowed::default() }).unwrap();
        for url in ["http://127.0.0.1:1/", "http://2130706433/", "http://[::1]/", "http://[::ffff:10.0.0.1]/"]
        {
            assert_eq!(client.get(url).err(), Some(OutboundError::Refused(PRIVATE)), "{url}");
        }
        let by_name = read(client.get("http://localhost:1/").unwrap()).await;
        assert_eq!(by_name, Err(OutboundError::Refused(PRIVATE)));
        let strict = Outbound::new(Allowed::default()).unwrap();
        assert_eq!(strict.get("http://example.com/").err(), Some(OutboundError::Refused(CLEAR)));
        assert!(strict.get("file:///etc/passwd").is_err());
    }

    #[tokio::test]
    async fn what_is_allowed_is_read_within_limits() {
        let good = answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_owned()).await;
        assert_eq!(read(loopback().get(&format!("http://{good}/")).unwrap()).await, Ok(b"{}".to_vec()));
        let url = format!("http://localhost:{}/", good.port());
        assert_eq!(read(loopback().get(&url).unwrap()).await, Ok(b"{}".to_vec()));
        let long = "x".repeat(LONGEST + 1);
        let long = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{long}", long.len());
        let long = answering(long).await;
        assert_eq!(
            read(loopback().get(&format!("http://{long}/")).unwrap()).await,
            Err(OutboundError::TooLong)
        );
    }

    #[tokio::test]
    async fn a_redirect_to_elsewhere_is_not_followed() {
        let target = answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_owned()).await;
        let text = format!("HTTP/1.1 302 Found\r\nlocation: http://{target}/\r\ncontent-length: 0\r\n\r\n");
        let from = answering(text).await;
        let got = read(loopback().get(&format!("http://{from}/")).unwrap()).await;
        assert_eq!(got, Err(OutboundError::Status(StatusCode::FOUND)));
    }
}
