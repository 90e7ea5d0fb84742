//! What is tried to add a passkey. Beside each attack stands what is good, so that it is the attack that is refused.

use std::time::Duration;

use serde_json::{Value, json};
use tests::{
    Browser, Engine, on_both,
    passkey_device::{
        BACKED_UP, EXTENSIONS, PRESENT, Says, VERIFIED, base64url, bytes, cbor_bytes, cbor_map, cbor_number,
        cbor_text,
    },
};

use crate::{
    passkey_sign_in_attacks::fresh,
    passkeys::{ADD, ALONE, OWNER, PASSWORD, alone, begin, device, start, with_passkey},
};

/// What is wrong with an answer, and how it comes to be.
pub type Lie = (&'static str, fn(&mut Says));

const UNFIT: &str = "This passkey could not be added.";
pub const UNKNOWN: &str = "This passkey does not let you in.";
pub const SIGNED_IN: &str = "Where you are signed in";

/// What is wrong with either kind of answer.
pub const LIES: [Lie; 12] = [
    ("another site", |says| says.origin = "http://evil.test:8080".to_owned()),
    ("another port", |says| says.origin = "http://localhost:8081".to_owned()),
    ("another scheme", |says| says.origin = "https://localhost:8080".to_owned()),
    ("a name that begins so", |says| says.origin = "http://localhost:8080.evil.test".to_owned()),
    ("a page in another one", |says| says.more.push(("crossOrigin", json!(true)))),
    ("a page on top", |says| says.more.push(("topOrigin", json!("http://evil.test")))),
    ("no challenge", |says| says.more.push(("challenge", Value::Null))),
    ("another relying party", |says| says.rp_id = "evil.test".to_owned()),
    ("nobody there", |says| says.flags &= !PRESENT),
    ("backed up, and not able to", |says| says.flags = PRESENT | VERIFIED | BACKED_UP),
    ("something behind the data", |says| says.tail = vec![0]),
    ("extensions that are none", |says| says.flags |= EXTENSIONS),
];

/// Extensions that are well-formed are read past.
pub fn extensions(says: &mut Says) {
    says.flags |= EXTENSIONS;
    let credential = cbor_map(&[(cbor_text("rk"), vec![0xf5])]);
    says.tail = cbor_map(&[(cbor_text("credProtect"), cbor_number(2)), (cbor_text("more"), credential)]);
}

/// A challenge with one bit turned, at a byte.
fn turned(says: &mut Says, at: usize) {
    let mut challenge = bytes(&json!(says.challenge));
    challenge[at] ^= 1;
    says.challenge = base64url(challenge);
}

/// A good key with an entry more.
fn with_entry(key: &[u8], label: i64, value: Vec<u8>) -> Vec<u8> {
    [&[key[0] + 1], &key[1..], &cbor_number(label), &value].concat()
}

/// What is wrong with the key of a new passkey.
const KEYS: [Lie; 3] = [
    ("a private key", |says| says.public_key = with_entry(&says.public_key, -4, cbor_bytes(&[1; 32]))),
    ("a kind that is told twice", |says| says.public_key = with_entry(&says.public_key, 1, cbor_number(2))),
    ("a point beside the curve", |says| *says.public_key.last_mut().expect("a byte") ^= 1),
];

/// Keys that are none: of other kinds, curves and lengths.
fn bad_keys() -> Vec<(&'static str, Vec<u8>)> {
    let entry = |label: i64, value| (cbor_number(label), value);
    let number = |label, value| entry(label, cbor_number(value));
    let rsa = |length: usize| {
        let n = cbor_bytes(&vec![0xff; length]);
        cbor_map(&[number(1, 3), number(3, -257), entry(-1, n), entry(-2, cbor_bytes(&[1, 0, 1]))])
    };
    let ed25519 = |kind, algorithm, curve, length: usize| {
        let x = cbor_bytes(&vec![9; length]);
        cbor_map(&[number(1, kind), number(3, algorithm), number(-1, curve), entry(-2, x)])
    };
    vec![
        ("a short modulus", rsa(128)),
        ("a long modulus", rsa(1025)),
        ("an algorithm that was not asked for", ed25519(1, -36, 6, 32)),
        ("an algorithm of another kind", ed25519(1, -7, 6, 32)),
        ("another curve", ed25519(1, -8, 7, 32)),
        ("a key that is too short", ed25519(1, -8, 6, 31)),
        ("a symmetric key", ed25519(4, -8, 6, 32)),
        ("nothing", cbor_map(&[])),
        ("no map", cbor_text("key")),
        ("half of one", vec![0xa5, 1]),
    ]
}

/// Sends an answer to a page that adds a passkey.
async fn send<'b>(browser: &'b mut Browser, answer: &str) -> &'b mut Browser {
    browser.submit(ADD, "", &[("name", "Phone"), ("credential", answer)]).await
}

on_both! {
    /// No lie adds a passkey; the page stays, with a fresh challenge, and then the truth does.
    async fn adding(engine: Engine) {
        let app = start(engine).await;
        let mut browser = Browser::new(&app.owner);
        browser.sign_in(OWNER, PASSWORD).await;
        begin(&mut browser).await;
        let more: [Lie; 4] = [
            ("an assertion", |says| says.kind = "webauthn.get"),
            ("a make that was not asked for", |says| says.format = "fido-u2f"),
            ("a signature that is missing", |says| says.format = "packed"),
            ("a signature that was not asked for", |says| says.self_signed = true),
        ];
        for (what, lie) in LIES.into_iter().chain(KEYS).chain(more) {
            let answer = device().create_lying(&browser.passkey_options(ADD), lie).to_string();
            send(&mut browser, &answer).await;
            assert!(browser.status == 400 && browser.page.contains(UNFIT), "{what}: {}", browser.page);
        }
        for (what, key) in bad_keys() {
            let answer = device().create_lying(&browser.passkey_options(ADD), |says| says.public_key = key);
            send(&mut browser, &answer.to_string()).await;
            assert!(browser.status == 400 && browser.page.contains(UNFIT), "{what}: {}", browser.page);
        }
        let mut answer = device().create(&browser.passkey_options(ADD));
        answer["id"] = json!(base64url([7; 32]));
        send(&mut browser, &answer.to_string()).await.shows(400, UNFIT);
        // Signed by itself, but by another key than the one that it brings.
        let mut other = device();
        let options = browser.passkey_options(ADD);
        let key = bytes(&other.create(&options)["response"]["attestationObject"]);
        let key = key[key.len() - 77..].to_vec();
        let answer = other.create_lying(&options, |says| {
            (says.format, says.self_signed, says.public_key) = ("packed", true, key);
        });
        send(&mut browser, &answer.to_string()).await.shows(400, UNFIT);
        for at in [0, 17, 30] {
            let answer = device().create_lying(&browser.passkey_options(ADD), |says| turned(says, at));
            send(&mut browser, &answer.to_string()).await.shows(400, "That took too long, or was sent twice.");
        }
        assert_eq!(app.database.dump().await["passkeys"], [""; 0]);
        let answer = device().create_lying(&browser.passkey_options(ADD), extensions).to_string();
        send(&mut browser, &answer).await.shows(200, "I have kept them");
    }
}

on_both! {
    /// The page of adding is for whoever has just entered the password, in that session and browser, for that person;
    /// an answer is good once.
    async fn adding_takes_the_password(engine: Engine) {
        let app = start(engine).await;
        app.member("ann@acme.test").await;
        app.set_password("ann@acme.test", PASSWORD).await;
        let (mut browser, mut thief, mut ann) =
            (Browser::new(&app.owner), Browser::new(&app.owner), Browser::new(&app.owner));
        browser.sign_in(OWNER, PASSWORD).await;
        thief.sign_in(OWNER, PASSWORD).await;
        ann.sign_in("ann@acme.test", PASSWORD).await;
        begin(&mut browser).await;
        let ticket = browser.page.split("name=\"ticket\" value=\"").nth(1).expect("a ticket");
        let ticket = ticket.split('"').next().expect("its end").to_owned();
        let answer = device().create(&browser.passkey_options(ADD)).to_string();
        // A session that was stolen shows no ticket, or one of somebody else.
        for ticket in ["-", &ticket] {
            for thief in [&mut thief, &mut ann] {
                thief.open("/account").await;
                let fields = [("ticket", ticket), ("name", "Thief"), ("credential", &*answer)];
                thief.post_form(ADD, &fields).await.shows(401, "That took too long. Enter your password once more.");
            }
        }
        // With a ticket of her own, the challenge is still another one's.
        begin(&mut ann).await;
        send(&mut ann, &answer).await.shows(400, "That took too long, or was sent twice.");
        send(&mut browser, &answer).await.shows(200, "I have kept them");
        begin(&mut browser).await;
        send(&mut browser, &answer).await.shows(400, "That took too long, or was sent twice.");
        // Nor is it the person's who has such a passkey already, or anybody else's.
        let id = serde_json::from_str::<Value>(&answer).expect("JSON")["id"].clone();
        for browser in [&mut browser, &mut ann] {
            begin(browser).await;
            let same = device().create_lying(&browser.passkey_options(ADD), |says| says.id = bytes(&id)).to_string();
            send(browser, &same).await.shows(400, UNFIT);
        }
        assert_eq!(app.database.dump().await["passkeys"].len(), 1);
        // Five minutes are enough.
        let late = device().create(&browser.passkey_options(ADD)).to_string();
        app.wall.advance(Duration::from_secs(301));
        send(&mut browser, &late).await.shows(400, "That took too long, or was sent twice.");
        // And ten for the whole page, from the password on.
        let fresh = device().create(&browser.passkey_options(ADD)).to_string();
        app.wall.advance(Duration::from_secs(299));
        send(&mut browser, &fresh).await.shows(401, "That took too long. Enter your password once more.");
        begin(&mut browser).await;
        let fresh = device().create(&browser.passkey_options(ADD)).to_string();
        app.wall.advance(Duration::from_secs(299));
        send(&mut browser, &fresh).await.shows(200, "The passkey is added.");
    }
}

on_both! {
    /// Whatever is sent, it is refused, and nothing breaks.
    async fn garbage(engine: Engine) {
        let app = start(engine).await;
        let mut phone = device();
        let mut browser = with_passkey(&app, OWNER, &mut phone).await;
        begin(&mut browser).await;
        let mut answers: Vec<String> = [
            "{", "[]", "null", "\"\"", "{}", r#"{"id":1}"#, r#"{"type":"public-key","id":"!!","response":{}}"#,
            r#"{"type":"public-key","id":"AAAA","response":[]}"#, r#"{"type":"public-key","id":"AAAA","response":{"clientDataJSON":7}}"#,
            r#"{"type":"public-key","id":"AAAA","response":{"clientDataJSON":"eyJ9","attestationObject":"oA"}}"#,
            r#"{"type":"public-key","type":"public-key"}"#,
        ]
        .map(str::to_owned)
        .to_vec();
        answers.push(format!("{}1{}", "[".repeat(2000), "]".repeat(2000)));
        for answer in &answers {
            send(&mut browser, answer).await;
            assert!(browser.status == 400 && browser.page.contains(UNFIT), "{answer:.200}: {}", browser.page);
            let mut next = Browser::new(&app.owner);
            next.open("/login").await;
            next.submit(ALONE, "", &[("credential", answer)]).await.shows(401, UNKNOWN);
        }
        // Attestation objects that end early, or have a byte changed.
        let whole = bytes(&device().create(&browser.passkey_options(ADD))["response"]["attestationObject"]).len();
        let mut added = 0;
        for at in (0..whole).step_by(3) {
            for cut in [true, false] {
                let mut answer = device().create(&browser.passkey_options(ADD));
                let mut object = bytes(&answer["response"]["attestationObject"]);
                if cut {
                    object.truncate(at);
                } else {
                    object[at] ^= 0x55;
                }
                answer["response"]["attestationObject"] = json!(base64url(object));
                send(&mut browser, &answer.to_string()).await;
                assert!([200, 400].contains(&browser.status), "{at} {cut}: {}", browser.page);
                if browser.status == 200 {
                    // The count and the make of a device are not signed.
                    assert!(!cut, "{at}");
                    added += 1;
                    begin(&mut browser).await;
                }
            }
        }
        assert!(added < 12, "{added} were added that should not");
        let long = "x".repeat(8_001);
        send(&mut browser, &long).await.shows(400, "That could not be read");
        alone(&mut fresh(&app).await, &mut phone).await.shows(200, SIGNED_IN);
    }
}
