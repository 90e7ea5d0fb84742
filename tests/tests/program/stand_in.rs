//! The program as a stand-in: clients that know only the service's own hosts find it.

use std::{
    collections::BTreeMap,
    process::{Command, Output},
};

use serde_json::{Value, json};
use tests::{Engine, on_both};

use crate::binary::{Installation, Server};

/// The variables that a client gets.
fn variables(place: &Installation, client: &str) -> BTreeMap<String, String> {
    let said = place.run(&["env", "--client", client, "--json"]).good();
    serde_json::from_str(&said).expect("an object of texts")
}

/// Runs curl as somebody does who has evaluated what `latchkey env` says.
fn curl(variables: &BTreeMap<String, String>, words: &[&str]) -> Output {
    let mut command = Command::new("curl");
    for name in [
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "NO_PROXY",
        "no_proxy",
        "ALL_PROXY",
        "all_proxy",
    ] {
        command.env_remove(name);
    }
    command.args(["--silent", "--show-error", "--max-time", "20"]).args(words).envs(variables);
    command.output().expect("curl is needed for this test: install `curl`")
}

fn body(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}

async fn stand_in(place: &Installation, more: &[(&str, &str)]) -> Server {
    let settings: Vec<_> = more.iter().copied().chain([("STAND_IN", "true")]).collect();
    place.serve_with(&settings).await
}

on_both! {
    /// The service's hosts lead here, through the proxy; every other host leads nowhere.
    async fn the_services_hosts_lead_here(engine: Engine) {
        let place = Installation::new(engine).await;
        let server = stand_in(&place, &[]).await;
        let curl_has = variables(&place, "curl");
        let token = format!("Authorization: Bearer {}", curl_has["KONNECT_TOKEN"]);
        for url in ["https://global.api.konghq.com/v3/users/me", "https://global.api.konghq.tech/v3/users/me", "https://eu.api.konghq.com/v3/users/me"] {
            let me = body(&curl(&curl_has, &["--header", &token, url]));
            assert_eq!(me["email"], "owner@localhost", "{url}");
        }
        // Over one connection, several requests.
        let twice = curl(&curl_has, &["--header", &token, "https://us.api.konghq.com/v2/dcr-providers", "https://us.api.konghq.com/v3/teams", "--write-out", "%{num_connects}"]);
        let said = String::from_utf8_lossy(&twice.stdout).into_owned();
        assert!(said.contains("}1{") && said.ends_with("}0"), "{said}");
        for url in ["https://example.com/", "https://cloud.konghq.com/", "https://us.api.konghq.com:8443/"] {
            let refused = curl(&curl_has, &[url]);
            let said = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert!(!refused.status.success() && said.contains("403"), "{url}: {said}");
        }
        // Without encryption there is nothing to stand in for.
        let proxy = curl_has["HTTPS_PROXY"].clone();
        let plain = curl(&BTreeMap::new(), &["--proxy", &proxy, "http://us.api.konghq.com/v3/users/me"]);
        assert_eq!(body(&plain)["status"], 405);
        let seen = server.client("").get("/stand-in/requests?operation=get-users-me").await.expect(200);
        assert_eq!(seen["data"].as_array().expect("requests").len(), 3);
        assert_eq!(seen["data"][0]["user_agent"].as_str().map(|agent| agent.starts_with("curl/")), Some(true));
        // What it wrote for clients is for its owner's eyes, and goes with it.
        let files = ["stand-in.json", "stand-in-ca.pem", "stand-in-ca-bundle.pem"];
        for file in files {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(place.data().join(file)).expect(file).permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
        assert!(!place.data().join("latchkey.db").exists(), "a stand-in keeps nothing unless it is told to");
        server.stop().await;
        for file in files {
            assert!(!place.data().join(file).exists(), "{file}");
        }
    }
}

on_both! {
    /// Each client gets what it needs and nothing else, in the words of each shell.
    async fn each_client_gets_what_it_needs(engine: Engine) {
        let place = Installation::new(engine).await;
        let server = stand_in(&place, &[("STAND_IN_RANDOM", "7")]).await;
        let names = |client: &str| variables(&place, client).into_keys().collect::<Vec<_>>();
        let go = ["HTTPS_PROXY", "KONNECT_TOKEN", "NO_PROXY", "SSL_CERT_FILE"];
        assert_eq!(names("terraform"), go);
        assert_eq!(names("sdk-go"), go);
        assert_eq!(names("kongctl"), ["HTTPS_PROXY", "KONGCTL_DEFAULT_KONNECT_PAT", "NO_PROXY", "SSL_CERT_FILE"]);
        assert_eq!(names("deck"), ["DECK_KONNECT_TOKEN", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE"]);
        assert!(names("sdk-js").contains(&"NODE_EXTRA_CA_CERTS".to_owned()));
        let all = place.run(&["env"]).good();
        let read = Command::new("sh").args(["-c", &format!("{all}\nprintf '%s %s' \"$KONNECT_TOKEN\" \"$LATCHKEY_URL\"")]).output();
        let read = String::from_utf8(read.expect("a shell").stdout).expect("text");
        let token = variables(&place, "terraform")["KONNECT_TOKEN"].clone();
        assert_eq!(read, format!("{token} {}", server.url));
        let fish = place.run(&["env", "--client", "terraform", "--shell", "fish"]).good();
        assert!(fish.contains(&format!("set -gx KONNECT_TOKEN '{token}'\n")), "{fish}");
        let powershell = place.run(&["env", "--client", "terraform", "--shell", "powershell"]).good();
        assert!(powershell.contains(&format!("$env:KONNECT_TOKEN = '{token}'\n")), "{powershell}");
        server.stop().await;
        // The same number, the same first token.
        let server = stand_in(&Installation::new(engine).await, &[("STAND_IN_RANDOM", "7")]).await;
        server.client(&token).get("/v3/users/me").await.expect(200);
    }
}

on_both! {
    /// A seed file and a fault profile are in force from the start; what is wrong with them is told.
    async fn it_begins_as_it_is_told(engine: Engine) {
        let place = Installation::new(engine).await;
        let file = |name: &str, text: &str| {
            let path = place.database.directory.join(name);
            std::fs::write(&path, text).expect("a file");
            path.to_str().expect("text").to_owned()
        };
        let seed = file("seed.yaml", "organizations:\n- name: Acme\n  owner: { email: ann@acme.test }\n  teams: [{ name: Payments }]\n");
        let settings = [("STAND_IN_SEED", &*seed), ("STAND_IN_FAULTS", "documented"), ("BOOTSTRAP_PASSWORD", "Correct-Horse-7")];
        let server = stand_in(&place, &settings).await;
        let login = json!({ "username": "owner@localhost", "password": "Correct-Horse-7" });
        server.client("").post("/kauth/api/v1/authenticate", login).await.expect(200);
        let told = place.run_with(&["serve"], &[("STAND_IN", "true")]).bad();
        assert!(told.contains("runs on") && told.contains("already"), "{told}");
        let token = variables(&place, "terraform")["KONNECT_TOKEN"].clone();
        let owner = server.client(&token);
        assert_eq!(owner.get("/v3/organizations/me").await.expect(200)["name"], "Acme");
        assert_eq!(owner.get("/v3/teams?filter[name]=Payments").await.expect(200)["meta"]["page"]["total"], 1);
        assert_eq!(owner.get("/stand-in/faults").await.expect(200)["name"], "documented");
        // Back to the seed, and back to nothing: the tokens are those of the start.
        owner.post("/v3/teams", json!({ "name": "Later" })).await.expect(201);
        owner.post("/stand-in/reset", json!({})).await.expect(204);
        assert_eq!(owner.get("/v3/teams?filter[name]=Later").await.expect(200)["meta"]["page"]["total"], 0);
        owner.post("/stand-in/reset", json!({ "to": "empty" })).await.expect(204);
        owner.get("/v3/users/me").await.expect(401);
        server.stop().await;

        let bad = file("bad.yaml", "organizations:\n- teams: [{ name: '' }]\n");
        for (setting, value, said) in [
            ("STAND_IN_SEED", &*bad, "organizations.0.teams.0.name"),
            ("STAND_IN_SEED", "nowhere.yaml", "stand-in-seed is [nowhere.yaml], but it cannot be read"),
            ("STAND_IN_FAULTS", "nowhere.yaml", "stand-in-faults is [nowhere.yaml], but it cannot be read"),
            ("STAND_IN_PROXY", "here", "stand-in-proxy is [here]"),
        ] {
            let fresh = Installation::new(engine).await;
            let told = fresh.run_with(&["serve"], &[("STAND_IN", "true"), (setting, value)]).bad();
            assert!(told.contains(said), "{told}");
        }
        let told = place.run_with(&["serve"], &[("STAND_IN_SEED", &*seed)]).bad();
        assert!(told.contains("only good with stand-in"), "{told}");
    }
}

on_both! {
    /// What an installation holds is written as a seed, which a stand-in begins with.
    async fn an_installation_becomes_a_seed(engine: Engine) {
        let place = Installation::new(engine).await;
        let server = place.serve().await;
        let owner = server.client(&server.token());
        owner.post("/v3/teams", json!({ "name": "Payments" })).await.expect(201);
        server.stop().await;
        let seed = place.run(&["seed", "export"]).good();
        assert!(seed.contains("Payments") && !seed.contains("kpat_"), "{seed}");
        let file = place.database.directory.join("seed.yaml");
        std::fs::write(&file, &seed).expect("a file");
        let other = Installation::new(engine).await;
        let server = stand_in(&other, &[("STAND_IN_SEED", file.to_str().expect("text")), ("BOOTSTRAP_EMAIL", "first@localhost")]).await;
        let token = variables(&other, "terraform")["KONNECT_TOKEN"].clone();
        let teams = server.client(&token).get("/v3/teams?filter[name]=Payments").await.expect(200);
        assert_eq!(teams["meta"]["page"]["total"], 1);
    }
}

on_both! {
    /// Connections can be encrypted without a proxy in front: with a certificate made at the start, or with files.
    async fn connections_are_encrypted(engine: Engine) {
        let place = Installation::new(engine).await;
        let server = place.serve_with(&[("TLS_SELF_SIGNED", "true")]).await;
        let certificate = place.data().join("tls-cert.pem");
        let authority = certificate.to_str().expect("text").to_owned();
        let token = format!("Authorization: Bearer {}", server.token());
        let port = server.url.rsplit(':').next().expect("a port").to_owned();
        for host in ["localhost", "127.0.0.1"] {
            let url = format!("https://{host}:{port}/v3/users/me");
            let me = body(&curl(&BTreeMap::new(), &["--cacert", &authority, "--header", &token, &url]));
            assert_eq!(me["email"], "owner@localhost");
            assert!(!curl(&BTreeMap::new(), &[&url]).status.success(), "a stranger's certificate was taken");
        }
        let clear = curl(&BTreeMap::new(), &[&format!("http://127.0.0.1:{port}/healthz")]);
        assert!(!clear.status.success());
        server.stop().await;
        for (settings, said) in [
            (vec![("TLS_CERT", "x.pem")], "tls-cert and tls-key are only good together"),
            (vec![("TLS_CERT", "x.pem"), ("TLS_KEY", "y.pem")], "x.pem cannot be read as PEM"),
            (vec![("TLS_CERT", "x.pem"), ("TLS_KEY", "y.pem"), ("TLS_SELF_SIGNED", "true")], "tls-self-signed cannot go with"),
        ] {
            let told = place.run_with(&["serve"], &settings).bad();
            assert!(told.contains(said), "{told}");
        }
    }
}

#[test]
fn without_a_stand_in_there_are_no_variables() {
    tests::run(async {
        let place = Installation::new(Engine::Sqlite).await;
        let told = place.run(&["env"]).bad();
        assert!(told.contains("no stand-in runs on"), "{told}");
    });
}
