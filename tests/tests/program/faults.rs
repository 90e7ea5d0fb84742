//! Providers that fail and a program that is killed, at every step of what is asked of a provider: afterwards
//! nothing that was acknowledged is lost, every application has credentials that work or can have, or says that
//! nobody can tell, and a provider whose clients can be found has none that Latchkey does not know.
//!
//! `LATCHKEY_FAULT_ROUNDS` says how many rounds there are (50), `LATCHKEY_FAULT_SEED` what happens in them.

use std::{collections::BTreeMap, time::Duration};

use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Client, Engine, Registry, on_both};
use tokio::task::JoinSet;

use crate::binary::{Installation, Server};

/// So many installations are tried at once; most of the time goes by in waiting.
const LANES: u64 = 5;
/// How long everything may take that is still to be done when the last round is over.
const PATIENCE: Duration = Duration::from_secs(120);
const PASSWORD: &str = "Correct horse 7 battery!";

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Numbers that follow from a seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % most
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        let most = u64::try_from(all.len()).expect("a small number");
        &all[usize::try_from(self.below(most)).expect("a small number")]
    }
}

/// A provider that is tried.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    /// Its clients can be found by what they are for.
    Auth0,
    /// Its clients cannot be found again.
    Bridge,
}

impl Kind {
    const fn fake(self) -> &'static str {
        match self {
            Self::Auth0 => "auth0",
            Self::Bridge => "bridge",
        }
    }

    fn configured(self, registry: &Registry) -> Value {
        match self {
            Self::Auth0 => json!({
                "name": "Auth0", "provider_type": "auth0", "issuer": registry.base,
                "dcr_config": {
                    "initial_client_id": "initial-client", "initial_client_secret": "initial-s3cret/+&",
                },
            }),
            Self::Bridge => json!({
                "name": "Bridge", "provider_type": "http", "issuer": registry.base,
                "dcr_config": { "dcr_base_url": format!("{}/dcr", registry.base), "api_key": "gYmrbDfu_7PTsZWH" },
            }),
        }
    }

    /// The requests of an operation, by method and path.
    const fn requests(self, what: What) -> &'static [(&'static str, &'static str)] {
        match (self, what) {
            (Self::Auth0, What::Create) => {
                &[("POST", "/oauth/token$"), ("POST", "/clients$"), ("POST", "/client-grants$")]
            }
            (Self::Auth0, What::Rotate) => &[("POST", "/oauth/token$"), ("POST", "/rotate-secret$")],
            (Self::Auth0, What::Delete) => &[("POST", "/oauth/token$"), ("DELETE", "/clients/")],
            (Self::Bridge, What::Create) => &[("POST", "^/dcr/$")],
            (Self::Bridge, What::Rotate) => &[("POST", "/new-secret$")],
            (Self::Bridge, What::Delete) => &[("DELETE", "^/dcr/")],
        }
    }
}

/// What is done in a round.
#[derive(Clone, Copy, PartialEq, Debug)]
enum What {
    Create,
    Rotate,
    Delete,
}

/// What goes wrong in it.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Wrong {
    /// The provider: how, and whether it does what it was asked before.
    Provider(&'static str, bool),
    /// Latchkey is killed while the provider has the request, before or after it has done it.
    Killed(bool),
    /// Latchkey is killed so many milliseconds after it was asked.
    KilledAfter(u64),
}

fn wrong(chance: &mut Chance) -> Wrong {
    match chance.below(10) {
        0 => Wrong::Provider("cut", false),
        1 => Wrong::Provider("cut", true),
        2 => Wrong::Provider("half", true),
        3 => Wrong::Provider("hang", true),
        4 => Wrong::Provider("die", chance.below(2) == 0),
        5 | 6 => Wrong::Killed(false),
        7 | 8 => Wrong::Killed(true),
        _ => Wrong::KilledAfter(chance.below(60)),
    }
}

/// What is known of an application from the replies that came.
#[derive(Default, Debug)]
struct Known {
    /// The last secret that a reply brought, if nothing was asked since.
    secret: Option<String>,
    /// Whether a reply said that it is deleted.
    deleted: bool,
}

/// An installation with a provider, a portal and a developer.
struct Lane {
    kind: Kind,
    place: Installation,
    registry: Registry,
    server: Option<Server>,
    token: String,
    host: String,
    cookies: String,
    provider: String,
    known: BTreeMap<String, Known>,
    made: u64,
}

impl Lane {
    async fn new(engine: Engine, kind: Kind, registry: Registry) -> Self {
        let place = Installation::new(engine).await;
        let mut lane = Self {
            kind,
            place,
            registry,
            server: None,
            token: String::new(),
            host: String::new(),
            cookies: String::new(),
            provider: String::new(),
            known: BTreeMap::new(),
            made: 0,
        };
        lane.start().await;
        lane.token = lane.server.as_ref().expect("it runs").token();
        lane.set_up().await;
        lane
    }

    async fn start(&mut self) {
        let authority = self.registry.authority();
        let settings = [
            ("OUTBOUND_HTTP", "true"),
            ("OUTBOUND_NETWORKS", "127.0.0.0/8,::1/128"),
            ("OUTBOUND_CA_FILE", authority.to_str().expect("a path")),
            ("DCR_TIMEOUT_SECONDS", "1"),
        ];
        self.server = Some(self.place.serve_with(&settings).await);
    }

    fn owner(&self) -> Client {
        self.server.as_ref().expect("it runs").client(&self.token).unchecked()
    }

    fn developer(&self) -> Client {
        self.owner().anonymous().at_host(&self.host).with_cookies(&self.cookies)
    }

    async fn set_up(&mut self) {
        let owner = self.owner();
        let provider =
            owner.post("/v2/dcr-providers", self.kind.configured(&self.registry)).await.expect(201);
        self.provider = text(&provider, "id").to_owned();
        let openid = json!({
            "issuer": self.registry.base, "credential_claim": ["azp"], "scopes": ["read"],
            "auth_methods": ["client_credentials"], "token_post_args_names": ["audience"],
            "token_post_args_values": ["https://api.test/"],
        });
        let strategy = json!({
            "name": "Tokens", "display_name": "Tokens", "strategy_type": "openid_connect",
            "configs": { "openid-connect": openid }, "dcr_provider_id": self.provider,
        });
        let strategy = owner.post("/v2/application-auth-strategies", strategy).await.expect(201);
        let portal = json!({ "name": "Public", "default_application_auth_strategy_id": strategy["id"] });
        let portal = owner.post("/v3/portals", portal).await.expect(201);
        self.host = text(&portal, "default_domain").to_owned();
        let developer = json!({
            "email": "ann@dev.test", "full_name": "Ann", "status": "approved", "send_invitation_email": true,
        });
        let developers = format!("/v3/portals/{}/developers", text(&portal, "id"));
        owner.post(&developers, developer).await.expect(201);
        let listed = self.place.run(&["mail", "list"]).good();
        let mail = listed.lines().find(|line| line.contains("ann@dev.test")).expect("a mail");
        let mail = self.place.run(&["mail", "show", mail.split_whitespace().next().expect("an id")]).good();
        let (_, token) = mail.split_once("/developer/password?token=").expect("a link");
        let nobody = self.developer();
        let token = json!({ "token": token.lines().next().expect("a token") });
        let verified = nobody.post("/api/v3/developer/verify-email", token).await.expect(202);
        let password = json!({ "token": verified["token"], "password": PASSWORD });
        nobody.post("/api/v3/developer/reset-password", password).await.expect(204);
        let credentials = json!({ "username": "ann@dev.test", "password": PASSWORD });
        let answer = nobody.post("/api/v3/developer/authenticate", credentials).await;
        assert_eq!(answer.status, 204, "{}", answer.text);
        let set = answer.headers.get_all("set-cookie").into_iter();
        let pairs = set.filter_map(|line| line.to_str().ok()?.split(';').next().map(str::to_owned));
        self.cookies = pairs.collect::<Vec<_>>().join("; ");
    }

    /// Does something to an application while something goes wrong.
    async fn round(&mut self, chance: &mut Chance, told: &str) {
        let live: Vec<String> =
            self.known.iter().filter(|(_, known)| !known.deleted).map(|(id, _)| id.clone()).collect();
        let what = match chance.below(if live.is_empty() { 1 } else { 4 }) {
            0 | 1 => What::Create,
            2 => What::Rotate,
            _ => What::Delete,
        };
        let wrong = wrong(chance);
        let &(method, path) = chance.of(self.kind.requests(what));
        let application = (what != What::Create).then(|| chance.of(&live).clone());
        match wrong {
            Wrong::Provider(how, after) => {
                self.registry.trouble(method, path, json!({ "how": how, "after": after })).await;
            }
            Wrong::Killed(after) => {
                self.registry.trouble(method, path, json!({ "how": "hang", "after": after })).await;
            }
            Wrong::KilledAfter(_) => {
                self.registry.tell(json!({ "trouble": [], "forget": true })).await;
            }
        }
        self.made += 1;
        let name = format!("application {}", self.made);
        let developer = self.developer();
        let asked = {
            let (application, name) = (application.clone(), name.clone());
            tokio::spawn(async move {
                let own = |rest: &str| {
                    format!("/api/v3/applications/{}{rest}", application.clone().unwrap_or_default())
                };
                match what {
                    What::Create => {
                        developer.attempt(Method::POST, "/api/v3/applications", json!({ "name": name })).await
                    }
                    What::Rotate => {
                        developer.attempt(Method::POST, &own("/regenerate-secret"), Value::Null).await
                    }
                    What::Delete => developer.attempt(Method::DELETE, &own(""), Value::Null).await,
                }
            })
        };
        match wrong {
            Wrong::Provider(..) => {}
            Wrong::Killed(_) => {
                // A token that is still good is not asked for again, and then nobody has to be killed.
                for _ in 0..300 {
                    if asked.is_finished() || self.seen(method, path).await {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                self.server.take().expect("it runs").kill().await;
            }
            Wrong::KilledAfter(millis) => {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                self.server.take().expect("it runs").kill().await;
            }
        }
        let reply = asked.await.expect("it was asked");
        let told = format!("{told}: {what:?} {wrong:?} at {method} {path}");
        self.note(what, application, reply, matches!(wrong, Wrong::KilledAfter(_)), &told);
        self.registry.tell(json!({ "trouble": [] })).await;
        if self.server.is_none() {
            self.start().await;
        }
    }

    async fn seen(&self, method: &str, path: &str) -> bool {
        let state = self.registry.state().await;
        let path = path.trim_start_matches('^').trim_end_matches('$');
        let is =
            |one: &Value| one["method"] == method && one["path"].as_str().is_some_and(|it| it.contains(path));
        state["seen"].as_array().expect("requests").iter().any(is)
    }

    /// Takes down what a reply said; that there is none says nothing. Only a reply that was on its way when
    /// the program died may have had a secret that nobody has.
    fn note(
        &mut self,
        what: What,
        application: Option<String>,
        reply: Option<Answer>,
        on_its_way: bool,
        told: &str,
    ) {
        let secret = |answer: &Answer| answer.body["client_secret"].as_str().map(str::to_owned);
        match (what, application, reply) {
            (What::Create, _, Some(answer)) if answer.status == 201 => {
                let id = text(&answer.body, "id").to_owned();
                self.known.insert(id, Known { secret: secret(&answer), deleted: false });
            }
            (What::Rotate, Some(id), reply) => {
                let known = self.known.get_mut(&id).expect("an application");
                let fresh = reply.as_ref().filter(|answer| answer.status == 201).and_then(secret);
                // Else it is the old one, unless it is said to be lost.
                let old = known.secret.take().filter(|_| !on_its_way || reply.is_some());
                known.secret = fresh.or(old);
            }
            (What::Delete, Some(id), reply) => {
                // Without a reply it is there, or not.
                match reply {
                    Some(answer) if answer.status == 204 => {
                        self.known.get_mut(&id).expect("an application").deleted = true;
                    }
                    Some(answer) => panic!("{told}: {} {}", answer.status, answer.text),
                    None => {
                        self.known.remove(&id);
                    }
                }
            }
            (_, _, Some(answer)) => {
                let clear = [201, 409, 502, 503].contains(&answer.status.as_u16());
                assert!(clear, "{told}: {} {}", answer.status, answer.text);
            }
            _ => {}
        }
    }

    async fn clients(&self) -> Vec<Value> {
        let path = format!("/v2/dcr-providers/{}/clients?page[size]=1000", self.provider);
        self.owner().get(&path).await.expect(200)["data"].as_array().expect("clients").clone()
    }

    /// Waits until nothing is to be done any more, and looks at everything.
    async fn settled(&mut self, told: &str) {
        let begun = std::time::Instant::now();
        let clients = loop {
            let clients = self.clients().await;
            if clients.iter().all(|client| client["next_attempt_at"].is_null()) {
                break clients;
            }
            assert!(begun.elapsed() < PATIENCE, "{told}: still to be done: {clients:#?}");
            tokio::time::sleep(Duration::from_millis(250)).await;
        };
        let there = self.registry.clients().await;
        let listed = self.developer().get("/api/v3/applications?page[size]=1000").await.expect(200);
        let listed = listed["data"].as_array().expect("applications").clone();
        for (id, known) in &self.known {
            let exists = listed.iter().any(|one| one["id"] == **id);
            assert_eq!(exists, !known.deleted, "{told}: {id} was acknowledged: {known:?}");
        }
        for application in &listed {
            let client = clients.iter().find(|client| client["application_id"] == application["id"]);
            let client = client.unwrap_or_else(|| panic!("{told}: {application} has no client"));
            match text(client, "state") {
                "live" => self.works(application, client, &there, told).await,
                "creation_unconfirmed" => {
                    assert_eq!(self.kind, Kind::Bridge, "{told}: {client}");
                    assert!(text(client, "problem").contains(text(application, "name")), "{told}: {client}");
                }
                other => panic!("{told}: {other}: {client}"),
            }
        }
        let unconfirmed = |name: &Value| {
            let is =
                |client: &&Value| text(client, "state").ends_with("unconfirmed") && client["name"] == *name;
            clients.iter().any(|client| is(&client))
        };
        for client in &there {
            let known = clients
                .iter()
                .any(|known| known["client_id"] == client["client_id"] && known["state"] == "live");
            let name = if client["client_name"].is_null() { &client["name"] } else { &client["client_name"] };
            let excused = self.kind == Kind::Bridge && unconfirmed(name);
            assert!(known || excused, "{told}: nobody knows {client}; known are {clients:#?}");
        }
    }

    /// An application's secret is the one that its developer has, or a new one can be had.
    async fn works(&self, application: &Value, client: &Value, there: &[Value], told: &str) {
        let id = text(application, "id");
        let at_provider = |there: &[Value], id: &Value| {
            let client = there.iter().find(|client| client["client_id"] == *id);
            client.unwrap_or_else(|| panic!("{told}: the provider has no {id}"))["client_secret"].clone()
        };
        let has = at_provider(there, &client["client_id"]);
        let known = self.known.get(id).and_then(|known| known.secret.clone());
        match known.filter(|_| client["secret_lost"] == false) {
            Some(secret) => assert_eq!(has, secret, "{told}: {application}"),
            None => {
                let path = format!("/api/v3/applications/{id}/regenerate-secret");
                let fresh = self.developer().call(Method::POST, &path, None).await.expect(201);
                let there = self.registry.clients().await;
                assert_eq!(at_provider(&there, &fresh["client_id"]), fresh["client_secret"], "{told}");
            }
        }
    }
}

fn text<'v>(body: &'v Value, member: &str) -> &'v str {
    body[member].as_str().unwrap_or_else(|| panic!("no text [{member}] in {body}"))
}

on_both! {
    /// Round after round.
    async fn nothing_is_lost_and_nothing_left_behind(engine: Engine) {
        let rounds = setting("LATCHKEY_FAULT_ROUNDS", 50);
        let seed = setting("LATCHKEY_FAULT_SEED", 0x5eed);
        let mut lanes = JoinSet::new();
        for number in 0..LANES {
            let kind = if number % 2 == 0 { Kind::Auth0 } else { Kind::Bridge };
            let Some(registry) = Registry::fake(kind.fake()) else { return };
            lanes.spawn(async move {
                let mut chance = Chance(seed ^ (number << 32));
                let mut lane = Lane::new(engine, kind, registry).await;
                let own = rounds / LANES + u64::from(number < rounds % LANES);
                for round in 0..own {
                    let told = format!("seed {seed:#x}, lane {number} ({kind:?}), round {round}");
                    lane.round(&mut chance, &told).await;
                }
                lane.settled(&format!("seed {seed:#x}, lane {number} ({kind:?})")).await;
            });
        }
        while let Some(lane) = lanes.join_next().await {
            if let Err(error) = lane {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }
}
