//! Every setting, as data: flags, environment variables, the file's keys and the help come from here.

/// One thing that can be set.
pub struct Setting {
    /// Its name: `--name`, `LATCHKEY_NAME`, `name = …`.
    pub name: &'static str,
    /// Whether its value is shown to nobody.
    pub secret: bool,
    /// Whether its flag may stand without a value.
    pub switch: bool,
    /// Its value when nobody sets it.
    pub default: Option<&'static str>,
    /// What it is for.
    pub help: &'static str,
}

impl Setting {
    /// Its environment variable.
    pub fn environment(&self) -> String {
        format!("LATCHKEY_{}", self.name.replace('-', "_").to_uppercase())
    }
}

const fn setting(name: &'static str, default: Option<&'static str>, help: &'static str) -> Setting {
    Setting { name, secret: false, switch: false, default, help }
}

/// Something that is on or off, and on when its flag has no value.
const fn switch(name: &'static str, help: &'static str) -> Setting {
    Setting { name, secret: false, switch: true, default: Some("false"), help }
}

const fn secret(name: &'static str, help: &'static str) -> Setting {
    Setting { name, secret: true, switch: false, default: None, help }
}

/// Every setting.
pub const SETTINGS: &[Setting] = &[
    setting("listen", Some("127.0.0.1:8080"), "Address and port to listen on"),
    setting(
        "tls-cert",
        None,
        "Certificates with which connections are encrypted, in PEM, the server's own first",
    ),
    setting("tls-key", None, "Key of the first of them, in PEM"),
    switch(
        "tls-self-signed",
        "Encrypt connections with a certificate made at the start, which goes to DATA_DIR/tls-cert.pem",
    ),
    switch(
        "stand-in",
        "Stand in for the service, for tests: with a proxy for unmodified clients, and everything in memory unless DATABASE_URL says otherwise",
    ),
    setting(
        "stand-in-proxy",
        Some("127.0.0.1:0"),
        "Address and port of the stand-in's proxy; port 0 takes a free one",
    ),
    setting(
        "stand-in-seed",
        None,
        "File with the organizations that the stand-in begins with, in YAML or JSON",
    ),
    setting(
        "stand-in-roles",
        None,
        "Published OpenAPI document whose literal role descriptions the stand-in takes, as `latchkey roles import` does",
    ),
    setting(
        "stand-in-random",
        None,
        "Number that the stand-in's ids and secrets follow from [default: they are random]",
    ),
    setting("stand-in-faults", None, "Fault profile from the start: ideal, documented, or a file"),
    setting("public-url", None, "URL under which clients reach the server [default: http://LISTEN]"),
    setting("data-dir", Some("./latchkey-data"), "Directory for the database file and the master key"),
    setting(
        "database-url",
        None,
        "sqlite:PATH, sqlite::memory: or postgres://… [default: sqlite:DATA_DIR/latchkey.db; of a stand-in, sqlite::memory:]",
    ),
    setting(
        "database-connections",
        Some("8"),
        "Most connections for reading (SQLite) or in all (PostgreSQL)",
    ),
    secret(
        "master-key",
        "Master key, 32 bytes in base64; more keys, separated by commas, still open old secrets [default: DATA_DIR/master.key]",
    ),
    setting(
        "bootstrap-organization",
        Some("My organization"),
        "Name of the organization that the first start creates",
    ),
    setting("bootstrap-email", Some("owner@localhost"), "E-mail of its owner"),
    secret("bootstrap-password", "Password of its owner"),
    secret("bootstrap-token", "Personal access token of its owner [default: a new one, printed once]"),
    setting("log", Some("info"), "What is logged: error, warn, info, debug, trace, or a filter"),
    setting("log-format", Some("text"), "text or json"),
    setting("access-log", Some("true"), "Whether each request is logged"),
    setting("migrate", Some("true"), "Whether the schema is brought up to date at the start"),
    setting("page-size-default", Some("10"), "Page size when the client names none"),
    setting("page-size-max", Some("1000"), "Largest page size"),
    setting("trusted-proxies", Some(""), "Addresses or networks whose X-Forwarded-For is believed"),
    setting("show-invite-links", Some("false"), "Whether the reply to an invite carries its link"),
    setting("invite-lifetime-days", Some("7"), "How long an invite link is good"),
    setting("invites-per-hour", Some("100"), "How many invites an organization may send in an hour"),
    setting(
        "registration",
        Some("false"),
        "Whether anybody may register an organization of their own; of a stand-in, yes unless this says otherwise",
    ),
    setting("audit-retention-days", Some("365"), "How long audit entries are kept"),
    secret(
        "smtp-url",
        "Mail server: smtps://USER:PASSWORD@HOST, or smtp://… with ?tls=required (the default), opportunistic or none [default: mails stay in the outbox]",
    ),
    setting(
        "smtp-ca-file",
        None,
        "Certificate authority of the mail server, in PEM, beside those of the system",
    ),
    setting("mail-from", Some("Latchkey <latchkey@localhost>"), "Sender of mails"),
    setting(
        "mail-templates",
        None,
        "Directory with letters of your own: invite.txt, reset.txt, register.txt, signin.txt, expiring.txt, developer_verify.txt, developer_known.txt, developer_reset.txt, developer_invite.txt, developer_approved.txt",
    ),
    setting("mail-retention-days", Some("30"), "How long mails stay in the outbox"),
    setting("regions", Some("us,eu,au,me,in,sg"), "Regions that GET /v3/available-regions lists"),
    setting(
        "region",
        None,
        "Region that the portals, APIs, products, auth strategies and DCR providers here are in: roles in other regions do not reach them [default: the first of REGIONS]",
    ),
    setting(
        "portal-domain",
        Some("portal.localhost"),
        "Domain under which each new portal gets one of its own; all names in it have to lead here",
    ),
    setting(
        "openid-connect-fields",
        Some(""),
        "Fields of the gateway's openid-connect plugin that strategies may set beside the published ones, separated by commas",
    ),
    setting(
        "access-token-minutes",
        Some("30"),
        "How long the access token of a session is good, a developer's too",
    ),
    setting(
        "refresh-token-minutes",
        Some("60"),
        "How long the refresh token of a session is good, a developer's too",
    ),
    setting("session-hours", Some("12"), "How long a session lasts, however often it is refreshed"),
    setting("signing-key-days", Some("90"), "How long a key signs access tokens before a new one is made"),
    setting("device-code-minutes", Some("15"), "How long the code that a command line shows is good"),
    setting(
        "device-clients",
        Some("344f59db-f401-4ce7-9407-00a0823fbacf=Konnect CLI"),
        "Public clients that may sign in by code: ID=NAME, separated by commas",
    ),
    setting(
        "outbound-http",
        Some("false"),
        "Whether identity and DCR providers, and aws-marketplace-endpoint, may be reached in clear, by http",
    ),
    setting(
        "outbound-networks",
        Some(""),
        "Private addresses or networks in which identity and DCR providers may be reached, separated by commas",
    ),
    setting(
        "outbound-ca-file",
        None,
        "Certificate authorities of identity and DCR providers and of AWS, in PEM, beside those of the system",
    ),
    setting(
        "dcr-timeout-seconds",
        Some("10"),
        "How long one request to a DCR provider may take; everything that somebody waits for, three times as long",
    ),
    setting(
        "dcr-azure-login-url",
        Some("https://login.microsoftonline.com"),
        "Where Microsoft Entra ID hands out tokens; sovereign clouds have others",
    ),
    setting(
        "dcr-azure-graph-url",
        Some("https://graph.microsoft.com"),
        "Where Microsoft Graph is; sovereign clouds have others",
    ),
    setting(
        "gateway-admin-url",
        None,
        "URL of the Admin API of a gateway that is told of every change of application auth, wherever it is [default: none is told]",
    ),
    secret("gateway-admin-token", "Token that this Admin API wants, in the header Kong-Admin-Token"),
    setting(
        "gateway-control-plane-id",
        None,
        "Control plane that this gateway belongs to: APIs with services in others are not told [default: all are]",
    ),
    setting("auth0-issuer", None, "Issuer whose access tokens the Auth0 operations take, https://TENANT/"),
    setting("auth0-audience", None, "Audience that these tokens must be for"),
    setting(
        "aws-marketplace-region",
        None,
        "AWS region whose Marketplace service resolves customers, e.g. us-east-1 [default: none are resolved]",
    ),
    setting("aws-marketplace-endpoint", None, "URL of that service, if it is not where AWS has it"),
    setting(
        "aws-marketplace-product-codes",
        None,
        "Products whose customers are taken, separated by commas [default: all that the AWS account sells]",
    ),
    setting("brand-name", Some("Latchkey"), "Name on pages of organizations without one of their own"),
    setting("brand-color", Some("#1d4ed8"), "Colour of the mark on such pages, #rrggbb"),
    setting("roles-file", None, "TOML file with more roles for the catalogue"),
    setting(
        "shutdown-grace-seconds",
        Some("30"),
        "How long running requests may go on when the server is told to stop",
    ),
];
