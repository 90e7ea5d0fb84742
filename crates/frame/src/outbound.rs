//! The one HTTP client for addresses that somebody may choose: an issuer, metadata. What it refuses it
//! refuses after names are resolved, and it connects to what it looked at, so that a name whose answer
//! changes gains nothing.

mod request;

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Duration,
};

use http::{Method, StatusCode};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
pub use request::{Answer, Request, read, read_json};
use reqwest::{
    Certificate, Client, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};

use crate::{access::BoxFuture, telemetry::Calls};

const CONNECT: Duration = Duration::from_secs(3);
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
    /// There was no connection, so nothing was sent.
    Unreachable,
    /// The connection broke before the answer was there; the request may have been worked off.
    Interrupted,
    /// The answer took too long; the request may have been worked off.
    TimedOut,
    /// The answer has another status than success.
    Status(StatusCode),
    /// The answer is longer than so many bytes.
    TooLong(usize),
    /// The answer is not JSON of the shape that is needed.
    NotJson,
}

impl fmt::Display for OutboundError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) => f.write_str(why),
            Self::Unreachable => f.write_str("no connection could be made"),
            Self::Interrupted => f.write_str("the connection broke before the answer was there"),
            Self::TimedOut => f.write_str("the answer took too long"),
            Self::Status(status) => write!(f, "the answer has the status {}", status.as_u16()),
            Self::TooLong(most) => write!(f, "the answer is longer than {most} bytes"),
            Self::NotJson => f.write_str("the answer is not the JSON that is expected"),
        }
    }
}

impl std::error::Error for OutboundError {}

const CLEAR: &str = "the address is not https";
const PRIVATE: &str = "the address is in a network that is not allowed";

/// What answers when a name is looked up.
type LookUp = fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;

fn system(name: String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
    Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) })
}

/// Looks names up, and leaves out what must not be reached.
struct Guard {
    allowed: Arc<Allowed>,
    look_up: LookUp,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (allowed, look_up) = (Arc::clone(&self.allowed), self.look_up);
        Box::pin(async move {
            let found = look_up(name.as_str().to_owned()).await?.into_iter();
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
pub struct Outbound {
    inner: Arc<Inner>,
    /// What kind of place is asked, for the metrics.
    destination: &'static str,
    redirects: bool,
}

struct Inner {
    /// With and without redirects.
    clients: [OnceLock<Option<Client>>; 2],
    authorities: Vec<Certificate>,
    allowed: Arc<Allowed>,
    look_up: LookUp,
    calls: Calls,
}

impl Outbound {
    /// A client that keeps to what is allowed, and counts its calls.
    pub fn new(allowed: Allowed, calls: Calls) -> Result<Self, reqwest::Error> {
        Self::looking_up(allowed, calls, system)
    }

    fn looking_up(allowed: Allowed, calls: Calls, look_up: LookUp) -> Result<Self, reqwest::Error> {
        let authorities = match &allowed.authorities {
            Some(pem) => Certificate::from_pem_bundle(pem)?,
            None => Vec::new(),
        };
        let allowed = Arc::new(allowed);
        let inner = Inner { clients: Default::default(), authorities, allowed, look_up, calls };
        Ok(Self { inner: Arc::new(inner), destination: "other", redirects: true })
    }

    /// The same client for places of this kind, by which the metrics tell calls apart.
    #[must_use]
    pub fn to(&self, destination: &'static str) -> Self {
        Self { destination, ..self.clone() }
    }

    /// The same client, which follows no redirect at all.
    #[must_use]
    pub fn without_redirects(&self) -> Self {
        Self { redirects: false, ..self.clone() }
    }

    fn client(&self) -> Result<&Client, OutboundError> {
        let client = self.inner.clients[usize::from(self.redirects)].get_or_init(|| {
            self.build().map_err(|error| tracing::error!("no HTTP client can be made: {error}")).ok()
        });
        client.as_ref().ok_or(OutboundError::Unreachable)
    }

    fn build(&self) -> Result<Client, reqwest::Error> {
        let policy =
            if self.redirects { redirect::Policy::custom(same_origin) } else { redirect::Policy::none() };
        Client::builder()
            .tls_certs_merge(self.inner.authorities.iter().cloned())
            .dns_resolver(Arc::new(Guard {
                allowed: Arc::clone(&self.inner.allowed),
                look_up: self.inner.look_up,
            }))
            .redirect(policy)
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            .no_proxy()
            .user_agent(concat!("latchkey/", env!("CARGO_PKG_VERSION")))
            .build()
    }

    /// Begins a GET.
    pub fn get(&self, url: &str) -> Result<Request, OutboundError> {
        self.request(Method::GET, url)
    }

    /// Begins a POST.
    pub fn post(&self, url: &str) -> Result<Request, OutboundError> {
        self.request(Method::POST, url)
    }

    /// Begins a request.
    pub fn request(&self, method: Method, url: &str) -> Result<Request, OutboundError> {
        let counted = |error| {
            self.inner.calls.count(self.destination, "refused", Duration::ZERO);
            error
        };
        let url = self.check(url).map_err(counted)?;
        Ok(Request {
            builder: self.client()?.request(method, url),
            most: LONGEST,
            destination: self.destination,
            calls: self.inner.calls.clone(),
        })
    }

    /// An address that a browser is sent to: it reaches other networks than this server does.
    pub fn link(&self, url: &str) -> Result<Url, OutboundError> {
        let url = Url::parse(url).map_err(|_| OutboundError::Refused("the address is not a URL"))?;
        if url.scheme() != "https" && !(url.scheme() == "http" && self.inner.allowed.http) {
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
        if ip.is_some_and(|ip| !self.inner.allowed.address(ip)) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    fn loopback() -> Outbound {
        let networks = vec!["127.0.0.0/8".parse().unwrap()];
        Outbound::new(Allowed { http: true, networks, authorities: None }, Calls::default()).unwrap()
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
        let allowed = Allowed { http: true, ..Allowed::default() };
        let client = Outbound::new(allowed, Calls::default()).unwrap();
        for url in ["http://127.0.0.1:1/", "http://2130706433/", "http://[::1]/", "http://[::ffff:10.0.0.1]/"]
        {
            assert_eq!(client.get(url).err(), Some(OutboundError::Refused(PRIVATE)), "{url}");
        }
        let by_name = read(client.get("http://localhost:1/").unwrap()).await;
        assert_eq!(by_name, Err(OutboundError::Refused(PRIVATE)));
        let strict = Outbound::new(Allowed::default(), Calls::default()).unwrap();
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
            Err(OutboundError::TooLong(LONGEST))
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

    #[tokio::test]
    async fn what_was_never_sent_is_told_from_what_may_have_been_worked_off() {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let got = read(loopback().get(&format!("http://{closed}/")).unwrap()).await;
        assert_eq!(got, Err(OutboundError::Unreachable));
        let half = answering("HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{".to_owned()).await;
        let got = read(loopback().get(&format!("http://{half}/")).unwrap()).await;
        assert_eq!(got, Err(OutboundError::Interrupted));
        let none = answering(String::new()).await;
        let got = read(loopback().get(&format!("http://{none}/")).unwrap()).await;
        assert_eq!(got, Err(OutboundError::Interrupted));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let silent = loopback().get(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        assert_eq!(read(silent.timeout(Duration::from_millis(50))).await, Err(OutboundError::TimedOut));
    }

    /// How often the name below was looked up.
    static LOOKED_UP: AtomicUsize = AtomicUsize::new(0);

    /// A name whose first answer may be reached, and whose later ones may not.
    fn changing(_: String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let later = LOOKED_UP.fetch_add(1, Ordering::SeqCst) > 0;
        let ip: Ipv4Addr = if later { [127, 0, 0, 1] } else { [127, 0, 0, 2] }.into();
        Box::pin(std::future::ready(Ok(vec![(ip, 0).into()])))
    }

    #[tokio::test]
    async fn a_name_that_changes_its_answer_gains_nothing() {
        // Both listen on the same port, so that the name alone decides who is reached.
        let inside = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = inside.local_addr().unwrap().port();
        let outside = TcpListener::bind(("127.0.0.2", port)).await.unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = outside.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
                let text = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
                let _ = stream.write_all(text).await;
            }
        });
        let networks = vec!["127.0.0.2/32".parse().unwrap()];
        let allowed = Allowed { http: true, networks, authorities: None };
        let client = Outbound::looking_up(allowed, Calls::default(), changing).unwrap();
        let url = format!("http://rebinding.test:{port}/");
        // What was looked at is what is connected to: there is no second answer in between.
        assert_eq!(read(client.get(&url).unwrap()).await, Ok(b"{}".to_vec()));
        assert_eq!(LOOKED_UP.load(Ordering::SeqCst), 1);
        assert_eq!(read(client.get(&url).unwrap()).await, Err(OutboundError::Refused(PRIVATE)));
        let reached = tokio::time::timeout(Duration::from_millis(100), inside.accept()).await;
        assert!(reached.is_err(), "nobody came in");
    }

    #[tokio::test]
    async fn calls_are_counted_by_destination_and_outcome() {
        let calls = Calls::default();
        let networks = vec!["127.0.0.0/8".parse().unwrap()];
        let allowed = Allowed { http: true, networks, authorities: None };
        let client = Outbound::new(allowed, calls.clone()).unwrap().to("okta").without_redirects();
        let text = "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n";
        let from = answering(text.to_owned()).await;
        let answer = client.get(&format!("http://{from}/")).unwrap().send().await;
        assert!(answer.is_ok_and(|answer| answer.status == 302), "nothing is followed");
        assert!(client.get("http://10.0.0.1/").is_err());
        assert_eq!((calls.so_far("okta", "3xx"), calls.so_far("okta", "refused")), (1, 1));
    }
}
