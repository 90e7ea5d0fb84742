//! Flags before environment before file, all faults at once, and no secret shown.

use std::{fs, net::TcpListener};

use tests::{Engine, run};

use crate::binary::Installation;

const KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

/// The value and origin that `config` prints for a setting.
fn shown<'t>(printed: &'t str, name: &str) -> &'t str {
    let line = printed.lines().find(|line| line.split_whitespace().next() == Some(name));
    line.unwrap_or_else(|| panic!("no [{name}] in {printed}"))[name.len()..].trim()
}

#[test]
fn every_value_is_shown_with_where_it_came_from() {
    run(async {
        let place = Installation::new(Engine::Sqlite).await;
        let file = "log = \"warn\"\nlog-format = \"json\"\naccess_log = false\n[page-size]\nmax = 50\n[bootstrap]\n\
                    email = \"ann@acme.test\"\npassword = \"a-password-in-a-file\"\n";
        fs::write(place.database.directory.join("latchkey.toml"), file).expect("a file");
        let environment = [
            ("LOG", "debug"),
            ("LOG_FORMAT", "text"),
            ("MASTER_KEY", KEY),
            ("DATABASE_URL", "postgres://ann:s3cret@db.test/x"),
        ];
        let printed = place
            .run_with(&["config", "--log", "error", "--public-url", "https://x.test"], &environment)
            .good();
        for (name, value, origin) in [
            ("log", "error", "flag"),
            ("public-url", "https://x.test", "flag"),
            ("log-format", "text", "environment LATCHKEY_LOG_FORMAT"),
            ("access-log", "false", "file latchkey.toml"),
            ("page-size-max", "50", "file latchkey.toml"),
            ("bootstrap-email", "ann@acme.test", "file latchkey.toml"),
            ("bootstrap-password", "***", "file latchkey.toml"),
            ("master-key", "***", "environment LATCHKEY_MASTER_KEY"),
            ("database-url", "postgres://ann:***@db.test/x", "environment LATCHKEY_DATABASE_URL"),
            ("invites-per-hour", "100", "default"),
            ("bootstrap-token", "(not set)", "default"),
        ] {
            let line = shown(&printed, name);
            assert!(line.starts_with(value) && line.ends_with(origin), "{name}: {line}");
        }
        for secret in ["a-password-in-a-file", KEY, "s3cret"] {
            assert!(!printed.contains(secret), "{printed}");
        }
        let other = place.database.directory.join("other.toml");
        fs::write(&other, "log = \"trace\"\n").expect("a file");
        let other = other.to_string_lossy();
        let printed = place.run(&["config", "--config", &other]).good();
        assert_eq!(shown(&printed, "log").split_whitespace().last(), Some(&*other));
        let printed = place.run_with(&["config"], &[("CONFIG", &other)]).good();
        assert!(shown(&printed, "log").starts_with("trace"));
        assert!(!place.data().exists(), "looking makes nothing");
    });
}

#[test]
fn all_faults_are_told_together_and_nothing_is_begun() {
    run(async {
        let place = Installation::new(Engine::Sqlite).await;
        fs::write(place.database.directory.join("latchkey.toml"), "nonsense = 1\n[page-size]\nmax = 0\n")
            .expect("a file");
        let environment = [
            ("LISTEN", "here"),
            ("DATABASE_URL", "mysql://ann:hunter2@db.test/x"),
            ("MASTER_KEY", "c2hvcnQ="),
            ("BOOTSTRAP_PASSWORD", "tooshort"),
            ("BOOTSTRAP_TOKEN", "kpat_nearly"),
            ("SMTP_URL", "ftp://ann:hunter2@mail.test"),
            ("MAIL_FROM", "nobody"),
            ("MAIL_TEMPLATES", "nowhere"),
            ("REGIONS", "us,mars"),
        ];
        let expected = "latchkey: nonsense is no setting (file latchkey.toml)\n\
            latchkey: listen is [here] (environment LATCHKEY_LISTEN), but it must be ADDRESS:PORT\n\
            latchkey: database-url is [mysql://ann:***@db.test/x] (environment LATCHKEY_DATABASE_URL), but it must be \
            sqlite:PATH, sqlite::memory: or postgres://…\n\
            latchkey: master-key is [***] (environment LATCHKEY_MASTER_KEY), but it must be 32 bytes in base64\n\
            latchkey: bootstrap-password is [***] (environment LATCHKEY_BOOTSTRAP_PASSWORD), but it must have at least 12 \
            characters\n\
            latchkey: bootstrap-token is [***] (environment LATCHKEY_BOOTSTRAP_TOKEN), but it must be a well-formed kpat_ \
            token, such as `latchkey token` makes\n\
            latchkey: access-log is [perhaps] (flag), but it must be true or false\n\
            latchkey: page-size-max is [0] (file latchkey.toml), but it must be a whole number from 1 to 10000\n\
            latchkey: mail-from is [nobody] (environment LATCHKEY_MAIL_FROM), but it must be an address, or NAME <ADDRESS>\n\
            latchkey: smtp-url is [***] (environment LATCHKEY_SMTP_URL), but it must be smtps://… or smtp://… with \
            ?tls=required, opportunistic or none\n\
            latchkey: mail-templates is [nowhere] (environment LATCHKEY_MAIL_TEMPLATES), but it must be a directory\n\
            latchkey: regions is [us,mars] (environment LATCHKEY_REGIONS), but it must be some of us, eu, au, me, in, sg, \
            separated by commas\n";
        for command in ["serve", "init", "doctor", "config"] {
            let finished = place.run_with(&[command, "--access-log", "perhaps"], &environment);
            if command != "config" {
                assert_eq!(finished.stdout, "");
            }
            assert_eq!(finished.bad(), expected, "{command}");
        }
        assert!(!place.data().exists());
    });
}

#[test]
fn what_is_nearly_a_setting_is_told_of() {
    run(async {
        let place = Installation::new(Engine::Sqlite).await;
        let finished = place.run_with(&["config"], &[("LISTENN", "127.0.0.1:1")]);
        let expected = "latchkey: the environment variable LATCHKEY_LISTENN is no setting and is ignored\n";
        assert_eq!(finished.stderr, expected);
        finished.good();
        let missing = place.run(&["config", "--config", "missing.toml"]).bad();
        assert!(
            missing.starts_with("latchkey: the configuration file missing.toml cannot be read: "),
            "{missing}"
        );
        fs::write(place.database.directory.join("latchkey.toml"), "listen = [").expect("a file");
        let broken = place.run(&["serve"]).bad();
        assert!(
            broken.starts_with("latchkey: the configuration file latchkey.toml is not TOML: "),
            "{broken}"
        );
        fs::remove_file(place.database.directory.join("latchkey.toml")).expect("it is there");

        let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = taken.local_addr().expect("an address").to_string();
        let refused = place.run_with(&["serve"], &[("LISTEN", &address)]).bad();
        assert!(
            refused.starts_with(&format!("latchkey: listen is [{address}], but it cannot be listened on: ")),
            "{refused}"
        );
        assert!(!place.data().exists());
    });
}
