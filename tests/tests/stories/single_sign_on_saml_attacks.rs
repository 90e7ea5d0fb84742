//! What must not get anybody in by SAML. Each attack changes an answer that a real provider signed; beside
//! each the unchanged one gets in. The wrapping attacks are the eight of Somorovsky and others, "On Breaking
//! SAML: Be Whoever You Want to Be" (USENIX Security 2012).

use std::ops::Range;

use serde_json::json;
use tests::{Browser, Engine, Make, SamlAnswer, on_both};

use crate::single_sign_on_saml::{Acme, acme, ann};

/// Where the first element of a name is, whatever its prefix.
fn element(xml: &str, name: &str) -> Range<usize> {
    let mut from = 0;
    while let Some(at) = xml[from..].find('<').map(|at| from + at) {
        let tag: &str = xml[at + 1..].split([' ', '>', '/']).next().unwrap_or_default();
        if tag.rsplit(':').next() == Some(name) && !tag.is_empty() {
            let close = format!("</{tag}>");
            let end = xml[at..].find(&close).expect("its end");
            return at..at + end + close.len();
        }
        from = at + 1;
    }
    panic!("no {name} in {xml}");
}

/// A text without an element.
fn without(xml: &str, name: &str) -> String {
    let at = element(xml, name);
    format!("{}{}", &xml[..at.start], &xml[at.end..])
}

/// The tag that begins a text, and the rest.
fn opened(xml: &str) -> (&str, &str) {
    xml.split_at(xml.find('>').expect("a tag") + 1)
}

/// Somebody else, under another id.
fn evil(xml: &str) -> String {
    let id = xml.split("ID=\"").nth(1).expect("an id").split('"').next().expect("its end");
    xml.replacen(id, "_evil", 1).replace("ann@acme.test", "owner@acme.test").replace(">ann-1<", ">owner<")
}

/// The parts of an answer whose assertion is signed.
struct Parts {
    before: String,
    assertion: String,
    bare: String,
    signature: String,
    evil: String,
    after: String,
}

fn parts(xml: &str) -> Parts {
    let at = element(xml, "Assertion");
    let assertion = xml[at.clone()].to_owned();
    let bare = without(&assertion, "Signature");
    Parts {
        before: xml[..at.start].to_owned(),
        signature: assertion[element(&assertion, "Signature")].to_owned(),
        evil: evil(&bare),
        after: xml[at.end..].to_owned(),
        assertion,
        bare,
    }
}

/// Puts something behind the first tag of an element.
fn inside(outer: &str, inner: &str) -> String {
    let (tag, rest) = opened(outer);
    format!("{tag}{inner}{rest}")
}

/// Puts something in front of the last tag of an element.
fn at_the_end(outer: &str, inner: &str) -> String {
    let at = outer.rfind("</").expect("an end");
    format!("{}{inner}{}", &outer[..at], &outer[at..])
}

/// Puts something into the signature's place for anything.
fn as_object(signature: &str, inner: &str) -> String {
    at_the_end(
        signature,
        &format!("<ds:Object xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">{inner}</ds:Object>"),
    )
}

/// The shapes in which a signed answer is wrapped.
fn wrapped_answers(xml: &str) -> Vec<(&'static str, String)> {
    let body = &xml[element(xml, "Response")];
    let signature = &body[element(body, "Signature")];
    let bare = without(body, "Signature");
    let false_answer = evil(&bare);
    vec![
        ("1: the signed answer inside the signature", inside(&false_answer, &as_object(signature, &bare))),
        ("2: the signed answer beside the signature", inside(&false_answer, &format!("{bare}{signature}"))),
    ]
}

/// The shapes in which a signed assertion is wrapped.
fn wrapped_assertions(xml: &str) -> Vec<(&'static str, String)> {
    let Parts { before, assertion, bare, signature, evil, after } = parts(xml);
    let extensions = |inner: &str| {
        format!(
            "<samlp:Extensions xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\">{inner}</samlp:Extensions>"
        )
    };
    vec![
        ("3: the false assertion before the signed one", format!("{before}{evil}{assertion}{after}")),
        (
            "4: the signed assertion inside the false one",
            format!("{before}{}{after}", at_the_end(&evil, &assertion)),
        ),
        (
            "5: the signature in the false assertion, the signed one behind",
            format!("{before}{}{bare}{after}", inside(&evil, &signature)),
        ),
        (
            "6: the signed assertion inside the signature of the false one",
            format!("{before}{}{after}", inside(&evil, &as_object(&signature, &bare))),
        ),
        (
            "7: the false assertion in an extension, which is not read",
            format!("{before}{}{assertion}{after}", extensions(&evil)),
        ),
        (
            "8: the signed assertion in an object of the signature",
            format!("{before}{}{after}", at_the_end(&evil, &as_object(&signature, &bare))),
        ),
        ("the false assertion behind the signed one", format!("{before}{assertion}{evil}{after}")),
        (
            "two assertions of one id",
            format!("{before}{}{assertion}{after}", evil.replace("_evil", id_of(&assertion))),
        ),
    ]
}

fn id_of(xml: &str) -> &str {
    xml.split("ID=\"").nth(1).expect("an id").split('"').next().expect("its end")
}

/// Sends a changed answer; it must not get in, and the one that was not changed must.
async fn refused(acme: &Acme, what: &str, change: impl FnOnce(&str) -> String) {
    let mut browser = Browser::new(&acme.app.owner);
    let answer = acme.answer(&mut browser).await;
    let changed = change(&answer.xml);
    assert_ne!(changed, answer.xml, "{what}");
    SamlAnswer { xml: changed, ..answer }.send(&mut browser).await;
    if what.contains("is not read") {
        // What was added is passed over, and what is read is what is signed.
        assert!(
            browser.status == 403 || browser.page.contains("<h1>Ann Lee</h1>"),
            "{what}: {}",
            browser.page
        );
        return;
    }
    assert_eq!((browser.status, browser.site.as_str()), (403, ""), "{what}: {}", browser.page);
    assert!(browser.page.contains("cannot be accepted"), "{what}: {}", browser.page);
    assert_eq!(browser.cookie("konnectaccesstoken", "/"), None, "{what}");
    acme.sign_in().await.shows(200, "<h1>Ann Lee</h1>");
}

async fn wrapping_with(engine: Engine, make: Make) {
    let Some(acme) = acme(engine, make).await else { return };
    acme.idp.tell(json!({ "sign": "message" })).await;
    wrapping(&acme, wrapped_answers).await;
    acme.idp.tell(json!({ "sign": "assertion" })).await;
    wrapping(&acme, wrapped_assertions).await;
}

async fn wrapping(acme: &Acme, shapes: fn(&str) -> Vec<(&'static str, String)>) {
    let mut browser = Browser::new(&acme.app.owner);
    let sample = acme.answer(&mut browser).await.xml;
    for (shape, (what, _)) in shapes(&sample).into_iter().enumerate() {
        refused(acme, what, |xml| shapes(xml).swap_remove(shape).1).await;
    }
}

on_both! {
    /// A signed part is wrapped so that another is read, with samlify.
    async fn wrapping_with_samlify(engine: Engine) {
        wrapping_with(engine, Make::Samlify).await;
    }
}

on_both! {
    /// A signed part is wrapped so that another is read, with pysaml2.
    async fn wrapping_with_pysaml2(engine: Engine) {
        wrapping_with(engine, Make::Pysaml2).await;
    }
}

async fn forging_with(engine: Engine, make: Make) {
    let Some(acme) = acme(engine, make).await else { return };
    let bomb = |xml: &str| {
        let entities: String =
            (1..20).map(|n| format!("<!ENTITY e{n} \"&e{};&e{};\">", n - 1, n - 1)).collect();
        let doctype = format!("<!DOCTYPE x [<!ENTITY e0 \"boom\">{entities}]>");
        let xml = xml.trim_start_matches(|c| c != '<');
        let xml = if xml.starts_with("<?xml") { xml.split_once("?>").expect("its end").1 } else { xml };
        format!("{doctype}{}", xml.replace("Ann", "&e19;"))
    };
    let file = |xml: &str| {
        let xml = if xml.starts_with("<?xml") { xml.split_once("?>").expect("its end").1 } else { xml };
        format!("<!DOCTYPE x [<!ENTITY f SYSTEM \"file:///etc/hostname\">]>{}", xml.replace("Ann", "&f;"))
    };
    refused(&acme, "the signature is taken away", |xml| without(xml, "Signature")).await;
    refused(&acme, "a signed value is changed", |xml| xml.replace("ann@acme.test", "owner@acme.test")).await;
    refused(&acme, "entities grow", bomb).await;
    refused(&acme, "an entity is a file", file).await;
    refused(&acme, "no XML", |_| "no XML".to_owned()).await;
    refused(&acme, "nothing in it", |xml| without(xml, "Assertion")).await;
    refused(&acme, "a key that anybody has", |xml| xml.replace("rsa-sha256", "hmac-sha256")).await;
    if make == Make::Pysaml2 {
        // The other make signs whatever it is told.
        acme.idp.tell(json!({ "sign": "none" })).await;
        acme.sign_in().await.shows(403, "its signature is not right");
    }
}

on_both! {
    /// What is not signed, changed, or no answer at all, with samlify.
    async fn forging_with_samlify(engine: Engine) {
        forging_with(engine, Make::Samlify).await;
    }
}

on_both! {
    /// What is not signed, changed, or no answer at all, with pysaml2.
    async fn forging_with_pysaml2(engine: Engine) {
        forging_with(engine, Make::Pysaml2).await;
    }
}

async fn truncating_with(engine: Engine, make: Make) {
    let Some(acme) = acme(engine, make).await else { return };
    let mut person = ann();
    person["attributes"]["email"] = json!("owner@acme.test.evil.test");
    acme.idp.tell(json!({ "person": person })).await;
    for comment in ["<!---->", "<!-- x -->", "<?x y?>"] {
        let mut browser = Browser::new(&acme.app.owner);
        let mut answer = acme.answer(&mut browser).await;
        answer.xml = answer.xml.replace("owner@acme.test.evil", &format!("owner@acme.test{comment}.evil"));
        answer.send(&mut browser).await;
        // A comment is not signed, so the answer may be good; then all of the text counts.
        let whole = browser.status == 200 && browser.page.contains("owner@acme.test.evil.test");
        assert!(whole || browser.status == 403, "{comment}: {}", browser.page);
        assert!(!browser.page.contains("organization-admin"));
    }
}

on_both! {
    /// A comment in the middle of an address does not make a shorter one of it, with samlify.
    async fn truncating_with_samlify(engine: Engine) {
        truncating_with(engine, Make::Samlify).await;
    }
}

on_both! {
    /// A comment in the middle of an address does not make a shorter one of it, with pysaml2.
    async fn truncating_with_pysaml2(engine: Engine) {
        truncating_with(engine, Make::Pysaml2).await;
    }
}

async fn replaying_with(engine: Engine, make: Make) {
    let Some(acme) = acme(engine, make).await else { return };
    let gone = "begun in another browser, took too long, or is done already";
    let mut mine = Browser::new(&acme.app.owner);
    let answer = acme.answer(&mut mine).await;
    // In another browser: nobody is signed in as somebody else.
    let mut yours = Browser::new(&acme.app.owner);
    yours.open("/login").await;
    answer.send(&mut yours).await.shows(400, gone);
    assert_eq!(yours.cookie("konnectaccesstoken", "/"), None);
    // In mine, once.
    answer.send(&mut mine).await.shows(200, "Ann Lee");
    mine.forget("konnectaccesstoken");
    answer.send(&mut mine).await.shows(400, gone);
    // As the answer to another sign-in of mine.
    let fresh = acme.answer(&mut mine).await;
    let old = SamlAnswer { xml: answer.xml.clone(), ..fresh };
    old.send(&mut mine).await.shows(403, "it answers another sign-in");
    // Without a sign-in, as providers begin it themselves.
    SamlAnswer { relay_state: "x".to_owned(), ..answer.clone() }.send(&mut mine).await.shows(400, gone);
    let nobody = acme.app.anonymous();
    nobody.form(&answer.path, &[("SAMLResponse", "x")]).await.expect(400);
    // At the door of another organization.
    let fresh = acme.answer(&mut mine).await;
    let astray = SamlAnswer { path: fresh.path.replace("acme", "rival"), ..fresh };
    astray.send(&mut mine).await.shows(403, "does not sign in this way");
}

on_both! {
    /// An answer is good once, in the browser that asked, with samlify.
    async fn replaying_with_samlify(engine: Engine) {
        replaying_with(engine, Make::Samlify).await;
    }
}

on_both! {
    /// An answer is good once, in the browser that asked, with pysaml2.
    async fn replaying_with_pysaml2(engine: Engine) {
        replaying_with(engine, Make::Pysaml2).await;
    }
}

on_both! {
    /// What the provider signs is not for us, not for this sign-in, or not for now.
    async fn signed_and_wrong(engine: Engine) {
        let Some(acme) = acme(engine, Make::Samlify).await else { return };
        for (tamper, says) in [
            ("issuer", "another issuer made it"),
            ("request", "it answers another sign-in"),
            ("confirmed request", "it does not confirm who signed in"),
            ("destination", "it is for another place"),
            ("recipient", "it does not confirm who signed in"),
            ("audience", "it is for another service"),
            ("no audience", "it is for another service"),
            ("expired", "it is not valid at this time"),
            ("not yet valid", "it is not valid at this time"),
            ("confirmed too late", "it does not confirm who signed in"),
            ("no bearer", "it does not confirm who signed in"),
            ("failed", "it says that signing in failed"),
            ("weak", "its signature is not right"),
        ] {
            acme.idp.tell(json!({ "tamper": tamper })).await;
            let mut browser = acme.sign_in().await;
            assert_eq!(browser.status, 403, "{tamper}: {}", browser.page);
            browser.shows(403, says);
            browser.open("/account").await.shows(200, "<h1>Sign in</h1>");
            acme.idp.tell(json!({ "tamper": "" })).await;
            acme.sign_in().await.shows(200, "Ann Lee");
        }
    }
}
