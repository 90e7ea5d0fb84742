//! What a client's environment needs so that it finds the stand-in.

use std::{
    collections::BTreeMap,
    fs,
    net::TcpStream,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::ArgMatches;
use serde::{Deserialize, Serialize};

use super::print;
use crate::{assemble::Fault, config::Config};

/// How long a stand-in may take to start.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a stand-in says of itself, in its data directory.
#[derive(Serialize, Deserialize)]
pub(super) struct Running {
    /// Where its API is.
    pub url: String,
    /// Where its proxy is.
    pub proxy: String,
    /// Its certificate authority.
    pub ca_file: String,
    /// The same, beside the authorities of the system.
    pub ca_bundle: String,
    /// The first organization.
    pub organization_id: String,
    /// A token of its owner.
    pub token: String,
}

/// The file that says it.
pub(super) const FILE: &str = "stand-in.json";

/// What a variable is filled with.
#[derive(Clone, Copy)]
pub(super) enum From {
    Url,
    Proxy,
    Bundle,
    Authority,
    Token,
    /// What is reached without the proxy.
    Elsewhere,
    Word(&'static str),
}

pub(super) type Variables = &'static [(&'static str, From)];

/// The variables of Go's own HTTP client.
const GO: Variables =
    &[("HTTPS_PROXY", From::Proxy), ("NO_PROXY", From::Elsewhere), ("SSL_CERT_FILE", From::Bundle)];
/// Node's, from version 24 on.
const NODE: Variables = &[
    ("HTTPS_PROXY", From::Proxy),
    ("https_proxy", From::Proxy),
    ("NO_PROXY", From::Elsewhere),
    ("no_proxy", From::Elsewhere),
    ("NODE_USE_ENV_PROXY", From::Word("1")),
    ("NODE_EXTRA_CA_CERTS", From::Authority),
];
/// curl prefers the lower case, and so must find ours there, as Node does.
const CURL: Variables = &[
    ("HTTPS_PROXY", From::Proxy),
    ("https_proxy", From::Proxy),
    ("NO_PROXY", From::Elsewhere),
    ("no_proxy", From::Elsewhere),
    ("CURL_CA_BUNDLE", From::Bundle),
];
const TOKEN: Variables = &[("KONNECT_TOKEN", From::Token)];
const URL: Variables = &[("LATCHKEY_URL", From::Url)];

/// The clients, and what each of them reads.
pub(super) const CLIENTS: [(&str, &[Variables]); 6] = [
    ("terraform", &[GO, TOKEN]),
    ("sdk-go", &[GO, TOKEN]),
    ("sdk-js", &[NODE, URL, TOKEN]),
    ("kongctl", &[GO, &[("KONGCTL_DEFAULT_KONNECT_PAT", From::Token)]]),
    ("deck", &[GO, &[("DECK_KONNECT_TOKEN", From::Token)]]),
    ("curl", &[CURL, URL, TOKEN]),
];

/// What Terraform and OpenTofu fetch elsewhere, and this machine.
const ELSEWHERE: &str = "localhost,127.0.0.1,::1,.localhost,registry.terraform.io,releases.hashicorp.com,\
                         checkpoint-api.hashicorp.com,registry.opentofu.org,get.opentofu.org,github.com,\
                         .githubusercontent.com";

impl Running {
    /// The stand-in that runs on a data directory, if there is one.
    pub fn there(data_dir: &Path) -> Option<Self> {
        let said: Self = serde_json::from_slice(&fs::read(data_dir.join(FILE)).ok()?).ok()?;
        let address = said.proxy.strip_prefix("http://")?.parse().ok()?;
        TcpStream::connect_timeout(&address, PATIENCE).is_ok().then_some(said)
    }

    /// Waits for the stand-in on a data directory to be there.
    fn find(config: &Config) -> Result<Self, Fault> {
        let started = Instant::now();
        loop {
            match Self::there(&config.data_dir) {
                Some(running) => return Ok(running),
                None if started.elapsed() > PATIENCE => {
                    let directory = config.data_dir.display();
                    return Err(format!(
                        "no stand-in runs on {directory}: start one with `latchkey serve --stand-in`"
                    ));
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    fn value(&self, from: From) -> String {
        match from {
            From::Url => self.url.clone(),
            From::Proxy => self.proxy.clone(),
            From::Bundle => self.ca_bundle.clone(),
            From::Authority => self.ca_file.clone(),
            From::Token => self.token.clone(),
            From::Elsewhere => elsewhere(std::env::var("NO_PROXY").ok()),
            From::Word(word) => word.to_owned(),
        }
    }
}

/// What is reached without the proxy: what the environment had, and ours, each once.
fn elsewhere(before: Option<String>) -> String {
    let before = before.unwrap_or_default();
    let mut all: Vec<&str> = Vec::new();
    for host in before.split(',').chain(ELSEWHERE.split(',')).map(str::trim) {
        if !host.is_empty() && !all.contains(&host) {
            all.push(host);
        }
    }
    all.join(",")
}

/// Prints them.
pub(super) fn env(config: &Config, matches: &ArgMatches) -> Result<ExitCode, Fault> {
    let running = Running::find(config)?;
    let client = matches.get_one::<String>("client");
    let chosen = CLIENTS.iter().filter(|(name, _)| client.is_none_or(|client| client == name));
    let chosen = chosen.flat_map(|(_, groups)| groups.iter().copied().flatten());
    let variables: BTreeMap<&str, String> =
        chosen.map(|(name, from)| (*name, running.value(*from))).collect();
    if matches.get_flag("json") {
        print(&format!("{}\n", serde_json::json!(variables)))?;
        return Ok(ExitCode::SUCCESS);
    }
    let shell = matches.get_one::<String>("shell").map_or("sh", String::as_str);
    let lines = variables.iter().map(|(name, value)| match shell {
        "fish" => format!("set -gx {name} '{}'\n", value.replace('\\', "\\\\").replace('\'', "\\'")),
        "powershell" => format!("$env:{name} = '{}'\n", value.replace('\'', "''")),
        _ => format!("export {name}='{}'\n", value.replace('\'', "'\\''")),
    });
    print(&lines.collect::<String>())?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reached_without_the_proxy_keeps_what_was_there() {
        let all = elsewhere(Some("intra.test, localhost".to_owned()));
        assert!(all.starts_with("intra.test,localhost,127.0.0.1,"), "{all}");
        assert_eq!(all.matches("localhost,").count(), 2, "itself, and what is below it: {all}");
    }
}
