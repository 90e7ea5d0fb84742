//! As much of an HTTP/1.1 client as driving one server on loopback needs.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::time::Duration;

use crate::fault::{Fault, Result, While};

/// A whole response at the beginning of a buffer.
#[derive(Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// How many bytes of the buffer it takes.
    pub length: usize,
    /// The server closes the connection after it.
    pub last: bool,
    body: Body,
}

#[derive(Debug, PartialEq, Eq)]
enum Body {
    Whole(Range<usize>),
    Chunks(Vec<Range<usize>>),
}

impl Response {
    /// `None` while bytes are missing. Call it again with the same buffer, grown.
    pub fn parse(buffer: &[u8]) -> Result<Option<Self>> {
        let Some((first, mut at)) = line(buffer, 0) else { return Ok(None) };
        let status = status_of(first)?;
        let (mut length, mut chunked, mut last) = (0, false, false);
        loop {
            let Some((header, next)) = line(buffer, at) else { return Ok(None) };
            at = next;
            if header.is_empty() {
                break;
            }
            let Some(colon) = header.iter().position(|&b| b == b':') else {
                return Err(not_http("a header without a colon"));
            };
            let (name, value) = (&header[..colon], header[colon + 1..].trim_ascii());
            if name.eq_ignore_ascii_case(b"content-length") {
                length = number(value, 10)?;
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                chunked = value.eq_ignore_ascii_case(b"chunked");
            } else if name.eq_ignore_ascii_case(b"connection") {
                last = value.eq_ignore_ascii_case(b"close");
            }
        }
        if matches!(status, 100..=199 | 204 | 304) {
            return Ok(Some(Self { status, length: at, last, body: Body::Whole(at..at) }));
        }
        if chunked {
            let Some((chunks, end)) = chunks(buffer, at)? else { return Ok(None) };
            return Ok(Some(Self { status, length: end, last, body: Body::Chunks(chunks) }));
        }
        let end = at.checked_add(length).ok_or_else(|| not_http("an impossible length"))?;
        if buffer.len() < end {
            return Ok(None);
        }
        Ok(Some(Self { status, length: end, last, body: Body::Whole(at..end) }))
    }

    /// The body, from the buffer that the response was read from.
    fn body(&self, buffer: &[u8]) -> Vec<u8> {
        match &self.body {
            Body::Whole(range) => buffer[range.clone()].to_vec(),
            Body::Chunks(ranges) => ranges.iter().flat_map(|range| &buffer[range.clone()]).copied().collect(),
        }
    }
}

/// The line that begins at `from`, without its end, and where the next one begins.
fn line(buffer: &[u8], from: usize) -> Option<(&[u8], usize)> {
    let rest = &buffer[from..];
    let end = rest.iter().position(|&b| b == b'\n')?;
    let text = &rest[..end];
    Some((text.strip_suffix(b"\r").unwrap_or(text), from + end + 1))
}

fn status_of(first: &[u8]) -> Result<u16> {
    let digits = first.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5));
    match digits {
        Some(digits) => {
            number(digits, 10).and_then(|n| u16::try_from(n).during("The server sent an impossible status"))
        }
        None => Err(not_http("a first line that is no status line")),
    }
}

fn chunks(buffer: &[u8], mut at: usize) -> Result<Option<(Vec<Range<usize>>, usize)>> {
    let mut found = Vec::new();
    loop {
        let Some((header, start)) = line(buffer, at) else { return Ok(None) };
        let size = header.split(|&b| b == b';').next().unwrap_or_default();
        let size = number(size.trim_ascii(), 16)?;
        if size == 0 {
            return Ok(trailers_end(buffer, start).map(|end| (found, end)));
        }
        let end = start.checked_add(size).ok_or_else(|| not_http("an impossible length"))?;
        if buffer.len() < end + 2 {
            return Ok(None);
        }
        if &buffer[end..end + 2] != b"\r\n" {
            return Err(not_http("a chunk that does not end where it says"));
        }
        found.push(start..end);
        at = end + 2;
    }
}

fn trailers_end(buffer: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let (trailer, next) = line(buffer, at)?;
        at = next;
        if trailer.is_empty() {
            return Some(at);
        }
    }
}

fn number(text: &[u8], radix: u32) -> Result<usize> {
    std::str::from_utf8(text)
        .ok()
        .and_then(|text| usize::from_str_radix(text, radix).ok())
        .ok_or_else(|| not_http("a number that is none"))
}

fn not_http(what: &str) -> Fault {
    Fault::new(format!("The server sent {what}: is something else listening there?"))
}

/// The bytes of a request. `body` is JSON.
pub fn request(method: &str, target: &str, token: Option<&str>, body: Option<&str>) -> Vec<u8> {
    let mut text = format!("{method} {target} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: application/json\r\n");
    if let Some(token) = token {
        text.push_str(&format!("authorization: Bearer {token}\r\n"));
    }
    if let Some(body) = body {
        text.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    text.push_str(body.unwrap_or_default());
    text.into_bytes()
}

/// Sends one request on a connection of its own and returns the status and the body.
pub fn exchange(address: SocketAddr, request: &[u8]) -> Result<(u16, Vec<u8>)> {
    let (response, buffer) = answered(address, request)?;
    Ok((response.status, response.body(&buffer)))
}

/// The same, as it came, headers and all.
pub fn exchange_raw(address: SocketAddr, request: &[u8]) -> Result<Vec<u8>> {
    Ok(answered(address, request)?.1)
}

fn answered(address: SocketAddr, request: &[u8]) -> Result<(Response, Vec<u8>)> {
    let limit = Duration::from_secs(30);
    let talk = || -> std::io::Result<TcpStream> {
        let mut stream = TcpStream::connect_timeout(&address, limit)?;
        stream.set_read_timeout(Some(limit))?;
        stream.write_all(request)?;
        Ok(stream)
    };
    let mut stream = talk().during(format!("Cannot talk to {address}"))?;
    let mut buffer = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        let read = stream.read(&mut piece).during(format!("Cannot read the answer of {address}"))?;
        if read == 0 {
            return Err(Fault::new(format!("{address} closed the connection in the middle of an answer.")));
        }
        buffer.extend_from_slice(&piece[..read]);
        if let Some(response) = Response::parse(&buffer)? {
            return Ok((response, buffer));
        }
    }
}

/// A port of loopback that was free a moment ago, for a server that has to be told its port.
pub fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).during("Cannot open a port on 127.0.0.1")?;
    listener.local_addr().during("Cannot read the port that was opened")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses at every cut: incomplete before the end, and then whole with what follows left alone.
    fn whole(text: &str) -> (u16, String, bool) {
        let bytes = text.as_bytes();
        for cut in 0..bytes.len() {
            assert_eq!(Response::parse(&bytes[..cut]).expect("no fault"), None, "cut at {cut}");
        }
        let followed = [bytes, b"HTTP/1.1 200 OK\r\n"].concat();
        let response = Response::parse(&followed).expect("no fault").expect("it is whole");
        assert_eq!(response.length, bytes.len());
        let body = String::from_utf8(response.body(&followed)).expect("text");
        (response.status, body, response.last)
    }

    #[test]
    fn a_body_of_known_length() {
        let text = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(whole(text), (200, "{}".into(), false));
    }

    #[test]
    fn no_body() {
        assert_eq!(whole("HTTP/1.1 204 No Content\r\n\r\n"), (204, String::new(), false));
        // A 304 tells the length that a 200 would have.
        assert_eq!(
            whole("HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n"),
            (304, String::new(), false)
        );
        assert!(whole("HTTP/1.1 401 \r\ncontent-length: 0\r\nconnection: close\r\n\r\n").2);
    }

    #[test]
    fn a_body_in_chunks() {
        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nt: v\r\n\r\n";
        assert_eq!(whole(text), (200, "abc0123456789".into(), false));
    }

    #[test]
    fn what_is_not_http_is_a_fault() {
        for text in [
            "SSH-2.0-OpenSSH\r\n\r\n",
            "HTTP/1.1 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabcd\r\n",
        ] {
            assert!(Response::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_request_carries_token_and_body() {
        let text = String::from_utf8(request("POST", "/v3/teams", Some("t"), Some("{}"))).expect("text");
        assert!(text.starts_with("POST /v3/teams HTTP/1.1\r\n"));
        assert!(text.contains("\r\nauthorization: Bearer t\r\n"));
        assert!(text.ends_with("\r\ncontent-length: 2\r\n\r\n{}"));
    }
}
