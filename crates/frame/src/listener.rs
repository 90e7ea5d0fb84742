//! Where connections come in. Some requests the HTTP library refuses by itself, before it knows a path: a
//! request line or headers that are too long, or no HTTP at all. It answers without a body; here that
//! answer gets one, the problem document that every other refusal has.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer},
    },
};

use crate::around::Cut;

/// How long a client may take until its connection is encrypted.
const OPENING: Duration = Duration::from_secs(10);

/// A port that is listened on.
pub struct Port(pub TcpListener);

/// The other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// What ends the connection.
    pub cut: Cut,
}

impl Connected<IncomingStream<'_, Port>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Port>) -> Self {
        Self { address: *stream.remote_addr(), cut: stream.io().cut.clone() }
    }
}

impl<S: Stream> Connected<IncomingStream<'_, OpenedPort<S>>> for Peer {
    fn connect_info(stream: IncomingStream<'_, OpenedPort<S>>) -> Self {
        Self { address: *stream.remote_addr(), cut: stream.io().cut.clone() }
    }
}

impl Listener for Port {
    type Io = Line<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line<TcpStream>, SocketAddr) {
        let (stream, peer) = Listener::accept(&mut self.0).await;
        (Line::new(stream), peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// What connections run over.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// A port whose connections have to be opened before they carry HTTP: encrypted, for one. Each opens beside the
/// others, so that a slow client holds up nobody.
pub struct OpenedPort<S> {
    opened: mpsc::Receiver<(S, SocketAddr)>,
    address: SocketAddr,
}

impl<S: Stream> OpenedPort<S> {
    /// Listens, and opens each connection. One that fails to open, or takes too long, is dropped.
    pub fn new<F, Fut>(mut listener: TcpListener, open: F) -> io::Result<Self>
    where
        F: Fn(TcpStream) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<S>> + Send + 'static,
    {
        let address = listener.local_addr()?;
        let (done, opened) = mpsc::channel(64);
        tokio::spawn(async move {
            loop {
                let (stream, peer) = tokio::select! {
                    accepted = Listener::accept(&mut listener) => accepted,
                    () = done.closed() => return,
                };
                let (opening, done) = (open(stream), done.clone());
                tokio::spawn(async move {
                    if let Ok(Ok(stream)) = tokio::time::timeout(OPENING, opening).await {
                        let _ = done.send((stream, peer)).await;
                    }
                });
            }
        });
        Ok(Self { opened, address })
    }
}

impl<S: Stream> Listener for OpenedPort<S> {
    type Io = Line<S>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line<S>, SocketAddr) {
        match self.opened.recv().await {
            Some((stream, peer)) => (Line::new(stream), peer),
            // The task that accepts lives as long as this does.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// How a server proves who it is: a chain of certificates, its own first, and the key of that one. HTTP/1.1 is all
/// that is offered.
pub fn tls(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, String> {
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let fault = |error: tokio_rustls::rustls::Error| format!("the certificate cannot be used: {error}");
    let config =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(fault)?;
    let mut config = config.with_no_client_auth().with_single_cert(chain, key).map_err(fault)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// A port whose connections are encrypted.
pub fn encrypted(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
) -> io::Result<OpenedPort<tokio_rustls::server::TlsStream<TcpStream>>> {
    let acceptor = TlsAcceptor::from(tls);
    OpenedPort::new(listener, move |stream| acceptor.accept(stream))
}

/// A connection.
pub struct Line<S> {
    stream: S,
    /// What is written instead of a refusal without a body.
    instead: Vec<u8>,
    cut: Cut,
}

impl<S> Line<S> {
    fn new(stream: S) -> Self {
        Self { stream, instead: Vec::new(), cut: Cut::default() }
    }
}

/// The problem document for a refusal that the HTTP library made. Replies of ours carry a request id; the
/// library's have a length of nothing and little else.
fn with_body(written: &[u8]) -> Option<Vec<u8>> {
    let head = std::str::from_utf8(written).ok()?;
    let status: u16 = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let (title, detail) = match status {
        400 => ("Bad Request", "The request is no HTTP/1.1"),
        414 => ("URI Too Long", "The request line is too long"),
        431 => ("Request Header Fields Too Large", "The request line and the headers are too long"),
        _ => return None,
    };
    let bare = head.strip_suffix("\r\n\r\n")?;
    if !bare.contains("\r\ncontent-length: 0") || bare.contains("\r\nx-request-id:") {
        return None;
    }
    // No request was read, so there is no number for it.
    let mut body =
        json!({ "status": status, "title": title, "instance": "konnect:trace:0", "detail": detail });
    if status == 400 {
        let entry = json!({ "field": "request", "rule": "invalid", "reason": "request format is invalid" });
        body["invalid_parameters"] = json!([entry]);
    }
    let body = body.to_string();
    let length = format!("\r\ncontent-type: application/problem+json\r\ncontent-length: {}", body.len());
    Some(format!("{}\r\n\r\n{body}", bare.replace("\r\ncontent-length: 0", &length)).into_bytes())
}

impl<S: Stream> Line<S> {
    /// Writes what is written instead; done when nothing of it is left.
    fn poll_instead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.cut.is_cut() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        while !self.instead.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.instead))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.instead.drain(..written);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Stream> AsyncRead for Line<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: Stream> AsyncWrite for Line<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_instead(cx))?;
        // The first bytes tell: nothing of ours is looked at any further.
        if buf.starts_with(b"HTTP/1.1 4")
            && let Some(instead) = with_body(buf)
        {
            self.instead = instead;
            return Poll::Ready(Ok(buf.len()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_instead(cx))?;
        // A refusal of the library's has no body, and comes in one piece.
        if let [only] = bufs {
            return self.poll_write(cx, only);
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_instead(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_instead(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_librarys_refusals_get_a_body() {
        let bare = |status: &str| {
            format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\ndate: x\r\n\r\n")
        };
        for status in ["400 Bad Request", "414 URI Too Long", "431 Request Header Fields Too Large"] {
            let text = String::from_utf8(with_body(bare(status).as_bytes()).unwrap()).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(
                head.ends_with("date: x") && head.contains(&format!("content-length: {}", body.len())),
                "{head}"
            );
            assert_eq!(serde_json::from_str::<serde_json::Value>(body).unwrap()["title"], status[4..]);
        }
        assert!(with_body(bare("404 Not Found").as_bytes()).is_none());
        let ours = "HTTP/1.1 400 Bad Request\r\nx-request-id: 7\r\ncontent-length: 0\r\n\r\n";
        assert!(with_body(ours.as_bytes()).is_none());
        assert!(with_body(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 01\r\n\r\nx").is_none());
    }
}
