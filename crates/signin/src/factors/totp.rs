//! One-time codes by time (RFC 6238), as authenticator apps make them: SHA-1, six digits, thirty seconds.

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use kernel::Timestamp;

/// Seconds for which a code is shown.
const STEP: i64 = 30;
/// By how many steps clocks may differ.
const DRIFT: i64 = 1;
/// Bytes of a secret: as many as SHA-1 has (RFC 4226 section 4).
pub const SECRET: usize = 20;

/// The step of a moment.
const fn step(now: Timestamp) -> i64 {
    now.micros().div_euclid(1_000_000).div_euclid(STEP)
}

/// The code of a step (RFC 4226 section 5.3).
fn code(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[tag.len() - 1] & 15);
    let number = u32::from_be_bytes([tag[at] & 0x7f, tag[at + 1], tag[at + 2], tag[at + 3]]);
    format!("{:06}", number % 1_000_000)
}

/// The step that a code is of, if it is of one around now.
pub fn fitting(secret: &[u8], given: &str, now: Timestamp) -> Option<i64> {
    let given: String = given.chars().filter(|c| !c.is_whitespace()).collect();
    let mut found = None;
    // All are looked at, so that the time it takes says nothing.
    for step in step(now) - DRIFT..=step(now) + DRIFT {
        if verify_slices_are_equal(code(secret, step).as_bytes(), given.as_bytes()).is_ok() {
            found = Some(step);
        }
    }
    found
}

/// The code of now, for tests and tools that stand in for an app.
pub fn present(secret: &[u8], now: Timestamp) -> String {
    code(secret, step(now))
}

/// A secret as people type it: base 32 (RFC 4648) without padding.
pub fn written(secret: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::new();
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in secret {
        bits = (bits << 8) | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            text.push(char::from(LETTERS[(bits >> held) as usize & 31]));
        }
        bits &= (1 << held) - 1;
    }
    if held > 0 {
        text.push(char::from(LETTERS[(bits << (5 - held)) as usize & 31]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"12345678901234567890";

    #[test]
    fn codes_are_those_of_the_standard() {
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            let at = Timestamp::from_micros(seconds * 1_000_000);
            assert_eq!(present(KEY, at), expected);
            assert_eq!(fitting(KEY, expected, at), Some(step(at)));
        }
    }

    #[test]
    fn a_code_is_good_for_a_step_before_and_after() {
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        let code = present(KEY, at(1000));
        let good: Vec<i64> = (900..1100).filter(|now| fitting(KEY, &code, at(*now)).is_some()).collect();
        assert_eq!((good.first(), good.last()), (Some(&960), Some(&1049)));
        assert!(fitting(KEY, " 287 082 ", at(59)).is_some());
        assert!(fitting(KEY, "", at(59)).is_none() && fitting(KEY, "2870820", at(59)).is_none());
    }

    #[test]
    fn secrets_are_written_as_the_standard_says() {
        for (bytes, expected) in
            [("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("foobar", "MZXW6YTBOI")]
        {
            assert_eq!(written(bytes.as_bytes()), expected);
        }
    }
}
