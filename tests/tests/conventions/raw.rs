//! Requests byte by byte, for what no well-behaved client would write.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tests::Client;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::reply::Reply;

/// The start of a request, up to where more headers can follow.
pub fn head(client: &Client, method: &str, path: &str) -> Vec<u8> {
    let (host, token) = (client.host(), client.token());
    let credential = match client.cookies() {
        "" => format!("authorization: Bearer {token}"),
        cookies => format!("cookie: {cookies}"),
    };
    format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n{credential}\r\n").into_bytes()
}

/// A JSON request whose length is not announced.
pub fn chunked(client: &Client, method: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let mut request = head(client, method, path);
    request.extend(b"content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n");
    for chunk in body.chunks(64 * 1024) {
        request.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        request.extend(chunk);
        request.extend(b"\r\n");
    }
    request.extend(b"0\r\n\r\n");
    request
}

/// Sends a request and reads the reply. An error is a connection that was dropped: either before the
/// reply was whole, or while the request was still being sent, which most clients cannot tell apart.
pub async fn exchange(client: &Client, request: Vec<u8>) -> Result<Reply, String> {
    let dropped = |error: std::io::Error| format!("the connection was dropped: {error}");
    let address = client.base().trim_start_matches("http://");
    let (mut reader, mut writer) = TcpStream::connect(address).await.map_err(dropped)?.into_split();
    let sending = tokio::spawn(async move {
        let sent = writer.write_all(&request).await;
        (sent, writer)
    });
    let mut bytes = Vec::new();
    let reading = async {
        loop {
            if let Some(reply) = whole(&bytes) {
                return reply;
            }
            if reader.read_buf(&mut bytes).await.map_err(dropped)? == 0 {
                return Err(format!("the connection was dropped after {} bytes", bytes.len()));
            }
        }
    };
    let reply = tokio::time::timeout(Duration::from_secs(20), reading).await;
    let reply = reply.unwrap_or_else(|_| Err("nothing came back".to_owned()));
    let sent = tokio::time::timeout(Duration::from_secs(20), sending).await;
    match sent {
        Ok(Ok((Ok(()), _))) => reply,
        Ok(Ok((Err(error), _))) => Err(format!("it hung up while the request was being sent: {error}")),
        _ => Err("it neither read the request nor hung up".to_owned()),
    }
}

/// The reply in these bytes, once all of it is there.
fn whole(bytes: &[u8]) -> Option<Result<Reply, String>> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let Some(status) = status else { return Some(Err(format!("this is no reply: {head}"))) };
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let pair = HeaderName::try_from(name).ok().zip(HeaderValue::from_str(value.trim()).ok());
        headers.extend(pair);
    }
    let length = headers.get("content-length").and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let body = bytes.get(end..end + length.unwrap_or(0))?;
    let text = String::from_utf8_lossy(body).into_owned();
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Some(Ok(Reply { status, headers, body, text }))
}
