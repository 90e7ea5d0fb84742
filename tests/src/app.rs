//! A whole Latchkey in this process.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use frame::{
    App,
    audit::Origin,
    db::{Db, OrgScope, PlatformScope, PoolSettings},
    listener::{Peer, Port},
    principal::User,
    runtime::{ShiftedClock, SystemEntropy},
};
use identity::{organizations::Founding, persons, tokens, users};
use kernel::{Clock, Email, OrgId, Secret, SystemAccountId, Token, TokenKind, UserId, WallClock};
use latchkey::{
    assemble::{self, Outside},
    config::{Config, Sources},
};
use serde_json::json;
use signin::{
    marketplace::Credentials,
    services::{NewServiceToken, service_token_create},
    sessions::{self, Beginning, Method},
};
use tokio::{net::TcpListener, sync::watch};

use crate::{Client, Engine, Fresh, marketplace::AWS_KEY};

/// A running Latchkey with one organization.
pub struct TestApp {
    /// Its insides, for what cannot be done over HTTP.
    pub app: App,
    /// Its organizations' time.
    pub clock: Arc<ShiftedClock>,
    /// The machine's time, as it has it.
    pub wall: Arc<ShiftedClock>,
    /// Its organization.
    pub org: OrgId,
    /// The owner, calling with a personal access token.
    pub owner: Client,
    /// The owner's user.
    pub owner_id: UserId,
    /// Where it keeps its data.
    pub database: Arc<Fresh>,
    stop: watch::Sender<bool>,
}

/// A user with a personal access token.
pub struct Member {
    /// The user.
    pub id: UserId,
    /// The user, calling.
    pub client: Client,
}

/// The configuration of tests: defaults, but for what each names, as environment variables without
/// `LATCHKEY_`.
pub fn configuration(settings: &[(&str, &str)]) -> Config {
    // Everything that tests speak with is on the loopback.
    let always = [("ACCESS_LOG", "false"), ("OUTBOUND_HTTP", "true"), ("OUTBOUND_NETWORKS", "127.0.0.1")];
    let given = |(name, value): &(&str, &str)| (format!("LATCHKEY_{name}"), (*value).to_owned());
    let mut environment: BTreeMap<String, String> = always.iter().map(given).collect();
    environment.extend(settings.iter().map(given));
    Sources::gather(&|_| None, &environment, None).config().unwrap_or_else(|faults| panic!("{faults:?}"))
}

impl TestApp {
    /// Starts one with an organization.
    pub async fn new(engine: Engine) -> Self {
        Self::with(engine, &[]).await
    }

    /// Starts one with settings, e.g. `("PAGE_SIZE_MAX", "50")`.
    pub async fn with(engine: Engine, settings: &[(&str, &str)]) -> Self {
        let database = Arc::new(Fresh::new(engine).await);
        let clock = Arc::new(ShiftedClock::default());
        let wall = Arc::new(ShiftedClock::default());
        let (app, base, stop) = node(&database, &clock, &wall, settings).await;
        let founding = Founding {
            name: "Acme".to_owned(),
            email: Email::parse("owner@acme.test").expect("an address"),
            password_hash: None,
            token: None,
            only_first: true,
        };
        let founded = identity::organizations::organization_found(&app, founding).await;
        let founded = founded.expect("founding works").expect("nothing was there");
        let owner = Client::new(base).with_token(founded.token.reveal());
        Self { app, clock, wall, org: founded.organization, owner, owner_id: founded.owner, stop, database }
    }

    /// Starts another node on the same database, with caches of its own.
    pub async fn another_node(&self) -> Self {
        let (app, base, stop) = node(&self.database, &self.clock, &self.wall, &[]).await;
        let owner = Client::new(base).with_token(self.owner.token());
        Self {
            app,
            clock: Arc::clone(&self.clock),
            wall: Arc::clone(&self.wall),
            org: self.org,
            owner,
            owner_id: self.owner_id,
            stop,
            database: Arc::clone(&self.database),
        }
    }

    /// Nobody, calling.
    pub fn anonymous(&self) -> Client {
        self.owner.anonymous()
    }

    /// Founds another organization on the same server; its owner and its id.
    pub async fn another_organization(&self, email: &str) -> (Member, OrgId) {
        let founding = Founding {
            name: "Rival".to_owned(),
            email: Email::parse(email).expect("an address"),
            password_hash: None,
            token: None,
            only_first: false,
        };
        let founded = identity::organizations::organization_found(&self.app, founding).await;
        let founded = founded.expect("founding works").expect("it was made");
        let client = self.owner.with_token(founded.token.reveal());
        (Member { id: founded.owner, client }, founded.organization)
    }

    /// The same server, seen from another organization.
    pub async fn rival(&self, email: &str) -> Self {
        let (owner, org) = self.another_organization(email).await;
        Self {
            app: self.app.clone(),
            clock: Arc::clone(&self.clock),
            wall: Arc::clone(&self.wall),
            org,
            owner: owner.client,
            owner_id: owner.id,
            // A switch of its own that nothing follows: the server ends with whoever started it.
            stop: watch::channel(false).0,
            database: Arc::clone(&self.database),
        }
    }

    /// Adds an active user without roles, with a token. Signing up is not part of the API yet.
    pub async fn member(&self, email: &str) -> Member {
        let session = self.app.db.write();
        let db = OrgScope::new(session.clone(), self.org);
        let email = Email::parse(email).expect("an address");
        let now = self.app.clock.now(self.org);
        let person = persons::person_ensure(&db.platform(), self.app.new_id(self.org), &email, now)
            .await
            .expect("a person");
        let user = User {
            id: self.app.new_id(self.org),
            email: email.as_str().to_owned(),
            full_name: format!("User {}", email.as_str()),
            preferred_name: String::new(),
            active: true,
            inferred_region: None,
            created_at: now,
            updated_at: now,
        };
        users::store::user_insert(&db, &user, person).await.expect("a user");
        session.commit().await.expect("committed");
        let client = self.token_of(user.id, Duration::from_secs(30 * 24 * 3600)).await;
        Member { id: user.id, client }
    }

    /// A token for a user, good for so long.
    pub async fn token_of(&self, user: UserId, life: Duration) -> Client {
        let session = self.app.db.write();
        let db = OrgScope::new(session.clone(), self.org);
        let token = Token::new(TokenKind::Personal, self.app.random_key());
        let expires_at = self.app.clock.now(self.org).plus(life);
        tokens::token_issue(&self.app, &db, user, "Test token", expires_at, &token).await.expect("a token");
        session.commit().await.expect("committed");
        self.owner.with_token(token.reveal())
    }

    /// Sets the password of the person behind an address.
    pub async fn set_password(&self, email: &str, password: &str) {
        let hash = signin::passwords::password_hash(&self.app, Secret::new(password.to_owned())).await;
        let session = self.app.db.write();
        let db = PlatformScope::new(session.clone());
        let email = Email::parse(email).expect("an address");
        let person = persons::person_get_by_email(&db, &email).await.expect("an answer").expect("a person");
        let now = self.app.clock.now(self.org);
        persons::person_set_password(&db, person, &hash.expect("a hash"), now).await.expect("set");
        session.commit().await.expect("committed");
    }

    /// A user with a session, as if it had signed in.
    pub async fn session_of(&self, user: UserId) -> Client {
        let session = self.app.db.write();
        let db = OrgScope::new(session.clone(), self.org);
        let origin =
            Origin { trace: 1, ip: [127, 0, 0, 1].into(), uri: "/".into(), user_agent: "a browser".into() };
        let beginning = Beginning { user, method: Method::Password, client: None, origin: &origin };
        let begun = sessions::session_begin(&self.app, &db, &beginning).await.expect("a session");
        session.commit().await.expect("committed");
        let access = sessions::access_issue(&self.app, self.org, &begun).expect("a token");
        self.owner.with_token(access.token.reveal())
    }

    /// A system account without roles, with a token.
    pub async fn system_account(&self, name: &str) -> (SystemAccountId, Client) {
        let account = self
            .owner
            .post("/v3/system-accounts", json!({ "name": name, "description": "" }))
            .await
            .expect(201);
        let id = account["id"].as_str().expect("an id");
        let expires_at = self.app.clock.now(self.org).plus(Duration::from_secs(30 * 24 * 3600));
        let body = json!({ "name": "token", "expires_at": expires_at });
        let token =
            self.owner.post(&format!("/v3/system-accounts/{id}/access-tokens"), body).await.expect(201);
        let client = self.owner.with_token(token["token"].as_str().expect("a token"));
        (id.parse().expect("a UUID"), client)
    }

    /// A platform service's caller.
    pub async fn service(&self, name: &str) -> Client {
        let token = tokens::client_token_create(&self.app, name, None).await.expect("a token");
        self.owner.with_token(token.reveal())
    }

    /// A platform service's caller in the organization, for these operations or for all.
    pub async fn service_in(&self, name: &str, operations: Option<&[&str]>) -> Client {
        let operations = operations.map(|all| all.iter().map(|&id| id.to_owned()).collect());
        let new = NewServiceToken { name: name.to_owned(), operations, life: Duration::from_secs(24 * 3600) };
        let token = service_token_create(&self.app, self.org, &new).await.expect("a token");
        self.owner.with_token(token.reveal())
    }

    /// The id of a predefined team.
    pub async fn team_id(&self, name: &str) -> String {
        let teams = self.owner.get(&format!("/v3/teams?filter[name][eq]={name}")).await.expect(200);
        teams["data"][0]["id"].as_str().expect("a team").to_owned()
    }

    /// The directory tables.
    pub fn platform(&self) -> PlatformScope {
        PlatformScope::new(self.app.db.read())
    }

    /// Moves the organizations' time on.
    pub fn advance(&self, span: Duration) {
        self.clock.advance(span);
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}

/// A node: its insides, where it listens, and what stops it.
async fn node(
    database: &Fresh,
    clock: &Arc<ShiftedClock>,
    wall: &Arc<ShiftedClock>,
    settings: &[(&str, &str)],
) -> (App, String, watch::Sender<bool>) {
    let directory = database.directory.to_string_lossy().into_owned();
    let mut all = vec![("DATA_DIR", directory.as_str())];
    all.extend_from_slice(settings);
    let config = configuration(&all);
    let db = Db::open(&database.url, PoolSettings { connections: 4 }).await.expect("the database opens");
    db.migrate().await.expect("migrations apply");
    let clock: Arc<dyn Clock> = Arc::<ShiftedClock>::clone(clock);
    let aws = Credentials::Key(AWS_KEY.0.to_owned(), Secret::new(AWS_KEY.1.to_owned()));
    let wall: Arc<dyn WallClock> = Arc::<ShiftedClock>::clone(wall);
    let outside = Outside { clock, wall, entropy: Arc::new(SystemEntropy), aws, standin: None };
    let app = assemble::app(&config, db, outside).await.expect("the parts fit");
    let (base, stop) = serve(&app).await;
    (app, base, stop)
}

/// Serves an app: where, and what stops it.
pub(crate) async fn serve(app: &App) -> (String, watch::Sender<bool>) {
    let router = assemble::server(app).expect("the operations fit").router();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(frame::changes::follow(app.db.clone(), Arc::clone(&app.access), stopped.clone()));
    let mut until = stopped;
    tokio::spawn(async move {
        let service = router.into_make_service_with_connect_info::<Peer>();
        let _ = axum::serve(Port(listener), service)
            .with_graceful_shutdown(async move {
                let _ = until.wait_for(|stop| *stop).await;
            })
            .await;
    });
    (format!("http://{address}"), stop)
}
