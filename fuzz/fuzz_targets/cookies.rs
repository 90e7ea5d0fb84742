//! Any cookies: one is found where it is, and nothing that is read of it panics.
#![no_main]

use frame::gate::{ACCESS_COOKIE, cookie};
use http::{HeaderMap, HeaderValue, header::COOKIE};
use kernel::Token;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|lines: Vec<Vec<u8>>| {
    let mut headers = HeaderMap::new();
    for line in &lines {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(COOKIE, value);
        }
    }
    if let Some(value) = cookie(&headers, ACCESS_COOKIE) {
        assert!(!value.contains(';'));
        let _ = Token::parse(value);
        let _ = jsonwebtoken::decode_header(value);
    }
});
