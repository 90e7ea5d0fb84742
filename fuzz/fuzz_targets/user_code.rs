//! Any text as a device's code: what is looked for is letters and digits, the same however it is typed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signin::device::plain_code;

fuzz_target!(|code: &str| {
    let plain = plain_code(code);
    assert!(plain.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()));
    assert_eq!(plain_code(&plain.to_lowercase()), plain);
});
