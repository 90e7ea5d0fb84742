//! The proxy by which unmodified clients, whose hosts are built in, find this server: it takes CONNECT for the names
//! of the service's API, answers for them itself, and refuses everything else. It forwards nothing to anybody.

mod authority;

use std::{io, sync::Arc};

use frame::listener::OpenedPort;
use serde_json::json;
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

pub use authority::{Authority, DOMAINS, Fault, self_signed};

/// Most bytes of a request to the proxy.
const MOST: u64 = 16 * 1024;

/// The proxy's port.
pub type Port = OpenedPort<TlsStream<BufReader<TcpStream>>>;

/// Opens the port of the proxy: what comes out of it is HTTP, as if it had come in at the API's own port.
pub fn port(listener: TcpListener, authority: &Authority) -> io::Result<Port> {
    let acceptor = TlsAcceptor::from(Arc::clone(&authority.tls));
    OpenedPort::new(listener, move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = BufReader::new(stream);
            if let Err((status, title, detail)) = asked(&mut stream).await? {
                refuse(&mut stream, status, title, &detail).await?;
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
            stream.flush().await?;
            acceptor.accept(stream).await
        }
    })
}

/// What is asked of the proxy: the first line of a request, once all its headers have come, and whether it is a request to
/// connect to a name that is served here.
pub async fn asked<S: AsyncBufRead + Unpin>(stream: &mut S) -> io::Result<Result<(), Refusal>> {
    Ok(match head(stream).await? {
        Some(line) => target(&line),
        None => Err((400, "Bad Request", "The request is no HTTP/1.1".to_owned())),
    })
}

async fn head<S: AsyncBufRead + Unpin>(stream: &mut S) -> io::Result<Option<String>> {
    let mut limited = stream.take(MOST);
    let mut first = String::new();
    limited.read_line(&mut first).await?;
    loop {
        let mut line = String::new();
        if limited.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        if line.trim_end().is_empty() {
            return Ok(Some(first.trim_end().to_owned()));
        }
    }
}

/// A status, its title, and why.
pub type Refusal = (u16, &'static str, String);

/// Whether this is a request to connect to a name that is served here.
fn target(line: &str) -> Result<(), Refusal> {
    let mut words = line.split(' ');
    let (method, target, version) = (words.next(), words.next(), words.next());
    if !version.is_some_and(|version| version.starts_with("HTTP/1.")) {
        return Err((400, "Bad Request", "The request is no HTTP/1.1".to_owned()));
    }
    let (Some("CONNECT"), Some(target)) = (method, target) else {
        return Err((405, "Method Not Allowed", "This proxy takes CONNECT for https only".to_owned()));
    };
    if target.rsplit_once(':').is_some_and(|(host, port)| port == "443" && is_served(host)) {
        return Ok(());
    }
    let shown: String = target.chars().take(100).collect();
    let names = DOMAINS.map(|domain| format!("*.{domain}:443")).join(" and ");
    Err((
        403,
        "Forbidden",
        format!("This proxy stands in for {names} and reaches nothing else; [{shown}] belongs in NO_PROXY"),
    ))
}

/// Whether a host is one name below a domain of the service's API.
fn is_served(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    DOMAINS.iter().any(|domain| {
        let name = host.strip_suffix(domain).and_then(|rest| rest.strip_suffix('.'));
        name.is_some_and(|name| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
    })
}

async fn refuse(stream: &mut BufReader<TcpStream>, status: u16, title: &str, detail: &str) -> io::Result<()> {
    let body = json!({ "status": status, "title": title, "instance": "konnect:trace:0", "detail": detail })
        .to_string();
    let length = body.len();
    let reply = format!(
        "HTTP/1.1 {status} {title}\r\ncontent-type: application/problem+json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    stream.write_all(reply.as_bytes()).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_services_names_are_served() {
        for good in ["global.api.konghq.com:443", "US.api.konghq.com:443", "eu.api.konghq.tech:443"] {
            assert!(target(&format!("CONNECT {good} HTTP/1.1")).is_ok(), "{good}");
        }
        for bad in [
            "CONNECT example.com:443 HTTP/1.1",
            "CONNECT api.konghq.com:443 HTTP/1.1",
            "CONNECT a.b.api.konghq.com:443 HTTP/1.1",
            "CONNECT evilapi.konghq.com:443 HTTP/1.1",
            "CONNECT us.api.konghq.com.evil.test:443 HTTP/1.1",
            "CONNECT us.api.konghq.com:80 HTTP/1.1",
            "CONNECT us.api.konghq.com HTTP/1.1",
            "GET http://us.api.konghq.com/ HTTP/1.1",
            "CONNECT us.api.konghq.com:443",
            "",
        ] {
            assert!(target(bad).is_err(), "{bad}");
        }
    }
}
