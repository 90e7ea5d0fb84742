//! Any bytes to the stand-in's proxy: it connects to one name below the service's domains, or refuses.
#![no_main]

use libfuzzer_sys::fuzz_target;
use standin::proxy::{DOMAINS, asked};

fuzz_target!(|bytes: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a thread");
    let mut stream = bytes;
    if let Ok(Ok(())) = runtime.block_on(asked(&mut stream)) {
        let text = String::from_utf8_lossy(bytes);
        let line = text.lines().next().unwrap_or_default().to_ascii_lowercase();
        let host = line.strip_prefix("connect ").and_then(|rest| rest.split(':').next()).expect("a host");
        let (name, domain) = host.split_once('.').expect("a name below a domain");
        assert!(!name.is_empty() && DOMAINS.contains(&domain), "{host}");
    }
});
