//! Configuration: flags, then environment, then one TOML file, then defaults; validated as a whole.

mod application_auth;
mod marketplace;
mod settings;
mod sources;
mod standin;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use frame::{
    Settings,
    brand::{self, Brand},
    db::DatabaseUrl,
    mail::delivery::{self, SmtpSettings},
    outbound::Allowed,
    telemetry::LogFormat,
};
use kernel::{Email, Secret, Token, query::Limits};

pub use settings::{SETTINGS, Setting};
pub use sources::{Given, Origin, Sources};
pub use standin::{StandIn, Tls};

/// What a new installation begins with.
pub struct Bootstrap {
    /// The organization's name.
    pub organization: String,
    /// The owner's address.
    pub email: Email,
    /// The owner's password, if one is set.
    pub password: Option<Secret<String>>,
    /// The owner's first token, if one is given.
    pub token: Option<Token>,
}

/// The effective configuration.
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// How connections are encrypted; `None` for not at all.
    pub tls: Option<Tls>,
    /// What is set about the stand-in; `None` unless this is one.
    pub standin: Option<StandIn>,
    /// The URL under which clients reach the server, if it is not where it listens.
    pub public_url: Option<String>,
    /// Where files are.
    pub data_dir: PathBuf,
    /// Where the data is.
    pub database: DatabaseUrl,
    /// Most database connections.
    pub connections: u32,
    /// The master keys; `None` for the file in the data directory.
    pub master_key: Option<Secret<String>>,
    /// What a new installation begins with.
    pub bootstrap: Bootstrap,
    /// What is logged.
    pub log: String,
    /// How.
    pub log_format: LogFormat,
    /// Whether each request is logged.
    pub access_log: bool,
    /// Whether the schema is brought up to date at the start.
    pub migrate: bool,
    /// An operator's role catalogue.
    pub roles_file: Option<PathBuf>,
    /// How long requests may go on when the server is told to stop.
    pub shutdown_grace: Duration,
    /// How mails are sent; `None` for not at all.
    pub smtp: Option<SmtpSettings>,
    /// Where letters of the operator's own are.
    pub mail_templates: Option<PathBuf>,
    /// Whose pages they are.
    pub brand: Brand,
    /// What may be reached of what users name.
    pub outbound: Allowed,
    /// What is set about registering clients at identity providers.
    pub registration: appauth::registration::Settings,
    /// What is set about signing in.
    pub signin: signin::Settings,
    /// What is set about application auth.
    pub appauth: appauth::Settings,
    /// What is set about the gateway that is told what changes; `None` for none.
    pub gateway: Option<appauth::gateway::Settings>,
    /// What handlers need.
    pub settings: Settings,
}

impl Sources {
    /// Validates everything; fails with every fault, each a sentence with setting, value and rule.
    pub fn config(mut self) -> Result<Config, Vec<String>> {
        let listen = self.read("listen", |text| text.parse().map_err(|_| "must be ADDRESS:PORT".to_owned()));
        let public_url = self.read("public-url", base_url);
        let (tls, standin) = (self.tls(), self.standin());
        let data_dir = self.read("data-dir", |text| Ok(PathBuf::from(text))).unwrap_or_default();
        let database = match self.get("database-url").text {
            Some(_) => self.read("database-url", |text| DatabaseUrl::parse(text).map_err(str::to_owned)),
            None if standin.is_some() => Some(standin::DATABASE),
            None => Some(DatabaseUrl::SqliteFile(data_dir.join("latchkey.db"))),
        };
        let connections = self.number("database-connections", 1, 1000);
        let master_key = self.read("master-key", |text| {
            frame::vault::Keyring::parse(text).map(|_| Secret::new(text.to_owned())).map_err(str::to_owned)
        });
        let organization = self.read("bootstrap-organization", |text| {
            if (1..=250).contains(&text.chars().count()) {
                Ok(text.to_owned())
            } else {
                Err("must have 1 to 250 characters".to_owned())
            }
        });
        let email = self.read("bootstrap-email", |text| {
            Email::parse(text).ok_or_else(|| "must be an e-mail address".to_owned())
        });
        let password = self.read("bootstrap-password", |text| {
            if text.chars().count() >= 12 {
                Ok(Secret::new(text.to_owned()))
            } else {
                Err("must have at least 12 characters".to_owned())
            }
        });
        let token = self.read("bootstrap-token", |text| {
            let token = Token::parse(text).filter(|token| token.kind() == kernel::TokenKind::Personal);
            token
                .ok_or_else(|| "must be a well-formed kpat_ token, such as `latchkey token` makes".to_owned())
        });
        let log = self.read("log", |text| {
            let parsed = text.parse::<tracing_subscriber::filter::EnvFilter>();
            parsed
                .map(|_| text.to_owned())
                .map_err(|_| "must be a level (error, warn, info, debug, trace) or a filter".to_owned())
        });
        let log_format = self.read("log-format", |text| match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err("must be text or json".to_owned()),
        });
        let access_log = self.boolean("access-log");
        let migrate = self.boolean("migrate");
        let roles_file = self.read("roles-file", |text| Ok(PathBuf::from(text)));
        let shutdown_grace = self.number("shutdown-grace-seconds", 0, 3600);
        let max_size = self.number("page-size-max", 1, 10_000);
        let default_size = self.number("page-size-default", 1, max_size.unwrap_or(1000));
        let trusted_proxies = self.read("trusted-proxies", networks);
        let outbound_http = self.boolean("outbound-http");
        let outbound_networks = self.read("outbound-networks", networks);
        let outbound_ca = self.read("outbound-ca-file", |text| {
            std::fs::read(text).map_err(|error| format!("must be a file that can be read: {error}"))
        });
        // What a stand-in lets everybody do or see unless told otherwise.
        let mut open = |name| match self.is_unset(name) {
            true if standin.is_some() => Some(true),
            _ => self.boolean(name),
        };
        let (show_invite_links, open_registration) = (open("show-invite-links"), open("registration"));
        let invite_days = self.number("invite-lifetime-days", 1, 365);
        let invites_per_hour = self.number("invites-per-hour", 1, 1_000_000);
        let audit_days = self.number("audit-retention-days", 1, 36_500);
        let mail_from = self.read("mail-from", |text| {
            text.parse().map_err(|_| "must be an address, or NAME <ADDRESS>".to_owned())
        });
        let smtp_ca = self.read("smtp-ca-file", |text| Ok(PathBuf::from(text)));
        let smtp_url = self.read("smtp-url", |text| {
            let url = Secret::new(text.to_owned());
            delivery::transport(&url, smtp_ca.as_deref()).map(|_| url)
        });
        let mail_templates = self.read("mail-templates", |text| {
            Some(PathBuf::from(text))
                .filter(|path| path.is_dir())
                .ok_or_else(|| "must be a directory".to_owned())
        });
        let mail_days = self.number("mail-retention-days", 1, 36_500);
        let access_minutes = self.number("access-token-minutes", 1, 1440);
        let refresh_minutes = self.number("refresh-token-minutes", 1, 43_200);
        let session_hours = self.number("session-hours", 1, 8760);
        let key_days = self.number("signing-key-days", 1, 3650);
        let device_minutes = self.number("device-code-minutes", 1, 1440);
        let device_clients = self.read("device-clients", |text| {
            let clients = text.split(',').map(str::trim).filter(|client| !client.is_empty());
            let pair = |client: &str| {
                let (id, name) = client.split_once('=')?;
                (!id.is_empty() && !name.is_empty()).then(|| (id.to_owned(), name.to_owned()))
            };
            clients
                .map(pair)
                .collect::<Option<Vec<_>>>()
                .ok_or_else(|| "must be ID=NAME, separated by commas".to_owned())
        });
        let registration = self.registration();
        let appauth = self.application_auth();
        let gateway = self.gateway();
        let auth0_issuer = self.read("auth0-issuer", |text| {
            let url = url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
            url.map(|_| text.to_owned()).ok_or_else(|| "must be a URL".to_owned())
        });
        let auth0_audience = self.read("auth0-audience", |text| Ok(text.to_owned()));
        if auth0_issuer.is_some() != auth0_audience.is_some() {
            self.faults.push("auth0-issuer and auth0-audience are only good together".to_owned());
        }
        let marketplace = self.marketplace(outbound_http);
        let brand_name = self.read("brand-name", |text| {
            if (1..=brand::NAME_MOST).contains(&text.chars().count()) {
                Ok(text.to_owned())
            } else {
                Err(format!("must have 1 to {} characters", brand::NAME_MOST))
            }
        });
        let brand_color = self.read("brand-color", |text| {
            if brand::is_color(text) { Ok(text.to_owned()) } else { Err("must be #rrggbb".to_owned()) }
        });
        let regions = self.read("regions", |text| {
            let regions: Vec<String> = text.split(',').map(|region| region.trim().to_owned()).collect();
            let known = ["us", "eu", "au", "me", "in", "sg"];
            if regions.iter().all(|region| known.contains(&region.as_str())) {
                Ok(regions)
            } else {
                Err(format!("must be some of {}, separated by commas", known.join(", ")))
            }
        });
        let region = match self.get("region").text {
            Some(_) => self.read("region", |text| {
                let listed = regions.as_ref().is_none_or(|regions| regions.iter().any(|it| it == text));
                if listed { Ok(text.to_owned()) } else { Err("must be one of regions".to_owned()) }
            }),
            None => regions.as_ref().and_then(|regions| regions.first().cloned()),
        };
        if !self.faults.is_empty() {
            return Err(self.faults);
        }
        let minutes = |minutes: u32| Duration::from_secs(u64::from(minutes) * 60);
        let days = |count: u32| minutes(count) * 24 * 60;
        // People's sessions and developers' last as long.
        let (access_life, refresh_life) = (access_minutes.map(minutes), refresh_minutes.map(minutes));
        let session_life = session_hours.map(|hours| minutes(hours) * 60);
        let config = (|| {
            Some(Config {
                listen: listen?,
                data_dir,
                database: database?,
                connections: connections?,
                master_key,
                bootstrap: Bootstrap { organization: organization?, email: email?, password, token },
                log: log?,
                log_format: log_format?,
                access_log: access_log?,
                migrate: migrate?,
                roles_file,
                shutdown_grace: Duration::from_secs(shutdown_grace?.into()),
                smtp: smtp_url.zip(mail_from).map(|(url, from)| SmtpSettings { url, from, ca: smtp_ca }),
                mail_templates,
                brand: Brand { name: brand_name?, color: brand_color? },
                outbound: Allowed {
                    http: outbound_http?,
                    networks: outbound_networks?,
                    authorities: outbound_ca,
                },
                registration: registration?,
                signin: signin::Settings {
                    access_life: access_life?,
                    refresh_life: refresh_life?,
                    session_life: session_life?,
                    key_life: days(key_days?),
                    device_code_life: minutes(device_minutes?),
                    device_clients: device_clients?,
                    registration: open_registration?,
                    auth0: auth0_issuer
                        .zip(auth0_audience)
                        .map(|(issuer, audience)| signin::auth0::Tenant { issuer, audience }),
                    marketplace,
                },
                appauth: appauth::Settings {
                    access_life: access_life?,
                    refresh_life: refresh_life?,
                    session_life: session_life?,
                    // The gateway needs keys as they are, so they are kept for it.
                    keeps_keys: gateway.is_some(),
                    ..appauth?
                },
                gateway,
                settings: Settings {
                    public_url: public_url.clone().unwrap_or_else(|| {
                        let scheme = if tls.is_some() { "https" } else { "http" };
                        format!("{scheme}://{}", listen.unwrap_or(([127, 0, 0, 1], 8080).into()))
                    }),
                    page_limits: Limits { default_size: default_size?, max_size: max_size? },
                    trusted_proxies: trusted_proxies?,
                    show_invite_links: show_invite_links?,
                    invite_lifetime: days(invite_days?),
                    invites_per_hour: invites_per_hour?,
                    audit_retention: days(audit_days?),
                    mail_retention: days(mail_days?),
                    regions: regions?,
                    region: region?,
                },
                public_url,
                tls,
                standin,
            })
        })();
        config.ok_or_else(|| vec!["a setting without a default is not set".to_owned()])
    }
}

fn base_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest {
        Some(host) if !host.is_empty() && !host.contains(['?', '#', ' ']) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err("must be an http:// or https:// URL".to_owned()),
    }
}

fn networks(text: &str) -> Result<Vec<ipnet::IpNet>, String> {
    let nets = text.split(',').map(str::trim).filter(|net| !net.is_empty());
    nets.map(|net| net.parse().or_else(|_| net.parse::<std::net::IpAddr>().map(ipnet::IpNet::from)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| "must be addresses or networks, separated by commas".to_owned())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, path::Path};

    use super::*;

    fn sources(flags: &[(&str, &str)], environment: &[(&str, &str)], file: Option<&Path>) -> Sources {
        let flags: BTreeMap<String, String> =
            flags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Sources::gather(&|name| flags.get(name).cloned(), &environment, file)
    }

    #[test]
    fn flags_go_before_environment_before_file_before_default() {
        let path = std::env::temp_dir().join(format!("latchkey-config-{}.toml", std::process::id()));
        std::fs::write(&path, "listen = \"127.0.0.1:1\"\nlog = \"warn\"\n[bootstrap]\nemail = \"a@b.co\"\n")
            .unwrap();
        let environment = [("LATCHKEY_LISTEN", "127.0.0.1:2"), ("LATCHKEY_LOG", "debug")];
        let config = sources(&[("listen", "127.0.0.1:3")], &environment, Some(&path)).config().ok().unwrap();
        assert_eq!(config.listen.port(), 3);
        assert_eq!(config.log, "debug");
        assert_eq!(config.bootstrap.email.as_str(), "a@b.co");
        assert_eq!(config.settings.page_limits.default_size, 10);
        std::fs::write(&path, "no-such-thing = 1\nlisten = [").unwrap();
        assert!(sources(&[], &[], Some(&path)).config().is_err());
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn every_fault_is_told_with_setting_value_and_rule_and_no_secret() {
        let environment = [
            ("LATCHKEY_LISTEN", "here"),
            ("LATCHKEY_DATABASE_URL", "mysql://x"),
            ("LATCHKEY_BOOTSTRAP_PASSWORD", "hunter2"),
            ("LATCHKEY_PAGE_SIZE_MAX", "0"),
        ];
        let faults = sources(&[], &environment, None).config().err().unwrap();
        assert_eq!(faults.len(), 4, "{faults:?}");
        assert_eq!(faults[0], "listen is [here] (environment LATCHKEY_LISTEN), but it must be ADDRESS:PORT");
        assert!(!faults.join(" ").contains("hunter2"));
    }
}
