//! What signing in costs: a session's requests, keeping it going, a device that asks, a password.

use std::sync::{Arc, Mutex};

use super::cases::{Case, READERS, alternating};
use super::load::Talk;
use crate::fault::{Fault, Result};
use crate::http::{exchange_raw, request};
use crate::server::Server;

/// People who can sign in: each connection is one of them.
pub const SIGNERS: usize = READERS;
/// What the hidden command `seed` gave them.
const PASSWORD: &str = "Bench-Passw0rd!";
/// So many at once that the hasher is never idle, and fewer than one address may fail in a row.
const AT_THE_DOOR: usize = 16;
/// Codes that one address may have waiting.
const DEVICES: usize = 50;
/// The published command line's client.
const DEVICE_CLIENT: &str = "344f59db-f401-4ce7-9407-00a0823fbacf";

fn credentials(n: usize) -> Vec<u8> {
    let body = format!(r#"{{"username":"signer.{n}@example.com","password":"{PASSWORD}"}}"#);
    request("POST", "/kauth/api/v1/authenticate", None, Some(&body))
}

/// The value of a cookie that an answer sets, and where it holds.
fn cookie<'a>(answer: &'a str, name: &str, path: &str) -> Option<&'a str> {
    answer.lines().find_map(|line| {
        let set = line.split_once(':').filter(|(header, _)| header.eq_ignore_ascii_case("set-cookie"))?.1;
        let mut parts = set.split(';').map(str::trim);
        let value = parts.next()?.strip_prefix(name)?.strip_prefix('=')?;
        parts.any(|part| part.strip_prefix("Path=") == Some(path)).then_some(value)
    })
}

/// A session that goes on by what its last answer said.
struct Refreshing {
    tokens: Vec<Mutex<String>>,
}

const REFRESH: &str = "/v3/refresh";

impl Talk for Refreshing {
    fn ask(&self, _: u64, connection: usize, out: &mut Vec<u8>) {
        let Some(Ok(token)) = self.tokens.get(connection).map(Mutex::lock) else { return };
        out.extend_from_slice(&request("POST", REFRESH, Some(token.as_str()), None));
    }

    fn heard(&self, connection: usize, answer: &[u8]) {
        let answer = String::from_utf8_lossy(answer);
        let next = cookie(&answer, "konnectrefreshtoken", REFRESH);
        if let (Some(next), Some(Ok(mut token))) = (next, self.tokens.get(connection).map(Mutex::lock)) {
            next.clone_into(&mut token);
        }
    }
}

/// Devices that ask more often than they may, so they are told to be slower: the answer costs what that costs
/// which tells them to wait.
struct Polling {
    requests: Vec<Vec<u8>>,
}

impl Talk for Polling {
    fn ask(&self, number: u64, _: usize, out: &mut Vec<u8>) {
        let at = usize::try_from(number).unwrap_or(0) % self.requests.len();
        out.extend_from_slice(&self.requests[at]);
    }

    fn good(&self, status: u16) -> bool {
        status == 400
    }
}

/// What is measured against the floor.
pub fn cases(server: &Server) -> Result<Vec<Case>> {
    let mut sessions = Vec::new();
    let mut tokens = Vec::new();
    for n in 0..SIGNERS {
        let answer = exchange_raw(server.address, &credentials(n))?;
        let answer = String::from_utf8_lossy(&answer);
        let session = cookie(&answer, "konnectaccesstoken", "/");
        let refresh = cookie(&answer, "konnectrefreshtoken", REFRESH);
        let (Some(session), Some(refresh)) = (session, refresh) else {
            return Err(Fault::new(format!("Nobody was let in with a password:\n{answer}")));
        };
        sessions.push(request("GET", "/v3/users/me", Some(session), None));
        tokens.push(Mutex::new(refresh.to_owned()));
    }
    let devices = (0..DEVICES).map(|_| device(server)).collect::<Result<Vec<_>>>()?;
    Ok(vec![
        Case { name: "`GET /v3/users/me`, signed in", connections: READERS, source: alternating(sessions) },
        Case { name: "`POST /v3/refresh`", connections: SIGNERS, source: Arc::new(Refreshing { tokens }) },
        Case {
            name: "`POST /v3/internal/oauth/device/token`",
            connections: READERS,
            source: Arc::new(Polling { requests: devices }),
        },
    ])
}

/// The poll of a new device.
fn device(server: &Server) -> Result<Vec<u8>> {
    let body = format!("client_id={DEVICE_CLIENT}");
    let made = server.json(&form("/v3/internal/oauth/device/authorize", &body))?;
    let code = made["device_code"].as_str().unwrap_or_default();
    let grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code";
    let body = format!("client_id={DEVICE_CLIENT}&device_code={code}&grant_type={grant}");
    Ok(form("/v3/internal/oauth/device/token", &body))
}

fn form(target: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {target} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Signing in with a password, which is measured against hashing alone.
pub fn password() -> Case {
    let source = alternating((0..SIGNERS).map(credentials).collect());
    Case { name: "`POST /kauth/api/v1/authenticate`, of argon2id alone", connections: AT_THE_DOOR, source }
}

/// Checking a password, and nothing else.
pub fn floor() -> Case {
    let source = alternating(vec![request("POST", "/password", None, None)]);
    Case { name: "argon2id alone", connections: AT_THE_DOOR, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_of_the_path_is_taken() {
        let answer = "HTTP/1.1 204 No Content\r\nset-cookie: konnectaccesstoken=a; Path=/; HttpOnly\r\n\
                      Set-Cookie: konnectrefreshtoken=b; Path=/kauth/api/v1/refresh\r\n\
                      set-cookie: konnectrefreshtoken=c; HttpOnly; Path=/v3/refresh\r\n\r\n";
        assert_eq!(cookie(answer, "konnectrefreshtoken", REFRESH), Some("c"));
        assert_eq!(cookie(answer, "konnectaccesstoken", "/"), Some("a"));
        assert_eq!(cookie(answer, "konnectaccesstoken", "/v3"), None);
    }

    #[test]
    fn a_session_goes_on_with_the_last_token() {
        let talk = Refreshing { tokens: vec![Mutex::new("first".to_owned())] };
        talk.heard(
            0,
            b"HTTP/1.1 204 No Content\r\nset-cookie: konnectrefreshtoken=next; Path=/v3/refresh\r\n\r\n",
        );
        talk.heard(0, b"HTTP/1.1 503 Service Unavailable\r\n\r\n");
        let mut out = Vec::new();
        talk.ask(1, 0, &mut out);
        assert!(String::from_utf8_lossy(&out).contains("Bearer next\r\n"));
    }
}
