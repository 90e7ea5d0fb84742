//! The settings of application auth.

use std::time::Duration;

use appauth::{Settings, gateway, registration};
use kernel::Secret;

use super::{Sources, base_url};

impl Sources {
    /// What is set about portals and strategies.
    pub(super) fn application_auth(&mut self) -> Option<Settings> {
        let plugin_fields = self.read("openid-connect-fields", |text| {
            let fields = text.split(',').map(str::trim).filter(|field| !field.is_empty());
            Ok(fields.map(str::to_owned).collect())
        });
        let portal_domain = self.read("portal-domain", domain);
        // How long sessions last is set for people and developers at once.
        let sessions = Settings::default();
        Some(Settings { plugin_fields: plugin_fields?, portal_domain: portal_domain?, ..sessions })
    }

    /// What is set about the gateway that is told what changes.
    pub(super) fn gateway(&mut self) -> Option<gateway::Settings> {
        let url = self.read("gateway-admin-url", base_url);
        let token = self.read("gateway-admin-token", |text| {
            if text.bytes().all(|byte| byte.is_ascii_graphic()) {
                Ok(Secret::new(text.to_owned()))
            } else {
                Err("must be of ASCII characters, without spaces".to_owned())
            }
        });
        let control_plane = self.read("gateway-control-plane-id", |text| {
            text.parse::<kernel::Id<()>>().map(kernel::Id::uuid).map_err(|_| "must be a UUID".to_owned())
        });
        let more = ["gateway-admin-token", "gateway-control-plane-id"];
        if self.get("gateway-admin-url").text.is_none() {
            for name in more.into_iter().filter(|name| self.get(name).text.is_some()).collect::<Vec<_>>() {
                self.faults.push(format!("{name} is only good with gateway-admin-url"));
            }
        }
        Some(gateway::Settings { url: url?, token, control_plane })
    }

    /// What is set about registering clients at identity providers.
    pub(super) fn registration(&mut self) -> Option<registration::Settings> {
        let timeout = self.number("dcr-timeout-seconds", 1, 60);
        let azure_login = self.read("dcr-azure-login-url", base_url);
        let azure_graph = self.read("dcr-azure-graph-url", base_url);
        Some(registration::Settings {
            azure_login: azure_login?,
            azure_graph: azure_graph?,
            timeout: Duration::from_secs(timeout?.into()),
        })
    }
}

/// Longest name of a host, less what a portal puts in front of it.
const LONGEST: usize = 253 - "0123456789ab.".len();

fn domain(text: &str) -> Result<String, String> {
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let label = |label: &str| {
        let edges = !label.starts_with('-') && !label.ends_with('-');
        (1..=63).contains(&label.len()) && edges && label.chars().all(inside)
    };
    if text.len() <= LONGEST && text.split('.').all(label) {
        Ok(text.to_owned())
    } else {
        Err("must be a domain in lower case, without a port, such as portal.example.com".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_a_name_and_nothing_else() {
        let long = format!("{}.test", "a.".repeat(117) + "a");
        for good in ["portal.localhost", "localhost", "dev.acme-1.example.com", &long] {
            assert!(domain(good).is_ok(), "{good}");
        }
        let longer = format!("a{long}");
        let label = "a".repeat(64);
        let bad = [
            "",
            "Portal.test",
            "a..b",
            ".a",
            "a.",
            "-a.b",
            "a-.b",
            "a:80",
            "https://a",
            "a/b",
            "ä.test",
            "*",
        ];
        for bad in bad.into_iter().chain([&*longer, &*label]) {
            assert!(domain(bad).is_err(), "{bad}");
        }
    }
}
