//! What a provider says about somebody, once it is believed.

use identity::identity_providers::config::ClaimMappings;
use kernel::Email;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Halt, refused};

/// Somebody who arrives from a provider.
#[derive(Serialize, Deserialize)]
pub struct Arrival {
    /// Who says so: an OpenID Connect issuer, or a SAML entity id.
    pub issuer: String,
    /// What it knows the person by; `None` if that is another one each time.
    pub subject: Option<String>,
    /// The address; `None` if nothing was said.
    pub email: Option<String>,
    /// The name; blank if nothing was said.
    pub name: String,
    /// The groups.
    pub groups: Groups,
    /// All that was said, for a rehearsal.
    pub claims: Map<String, Value>,
}

/// The groups of somebody who arrives.
#[derive(Serialize, Deserialize, PartialEq, Eq, Debug)]
pub enum Groups {
    /// These, possibly none.
    Told(Vec<String>),
    /// Nothing was said about groups.
    Untold,
    /// There are too many of them: the provider only says where they could be asked for.
    Elsewhere,
}

impl Groups {
    /// Those that were told.
    pub fn told(&self) -> &[String] {
        match self {
            Self::Told(groups) => groups,
            Self::Untold | Self::Elsewhere => &[],
        }
    }
}

impl Arrival {
    /// The address, or why there is none.
    pub fn address(&self) -> Result<Email, Halt> {
        let Some(email) = &self.email else {
            return refused(
                "Your company's sign-in page did not say what your e-mail address is. Its administrator has to release it.",
            );
        };
        match Email::parse(email) {
            Some(email) => Ok(email),
            None => refused("Your company's sign-in page gave an e-mail address that is none."),
        }
    }

    /// Reads the claims of OpenID Connect (Core section 5.1), found where the mappings say.
    pub fn of_claims(
        issuer: &str,
        subject: &str,
        mappings: &ClaimMappings,
        claims: Map<String, Value>,
    ) -> Self {
        let text =
            |name: &str| claims.get(name).and_then(Value::as_str).map(str::trim).filter(|it| !it.is_empty());
        let name = text(&mappings.name).map(str::to_owned).unwrap_or_else(|| {
            let parts: Vec<&str> = [text("given_name"), text("family_name")].into_iter().flatten().collect();
            parts.join(" ")
        });
        Self {
            issuer: issuer.to_owned(),
            subject: Some(subject.to_owned()),
            email: text(&mappings.email).map(str::to_owned),
            name,
            groups: groups(&claims, &mappings.groups),
            claims,
        }
    }
}

/// The groups in a claim: a list of texts, or one text. Of too many, a provider sends only where they are
/// (OpenID Connect Core section 5.6.2), or that there are some.
fn groups(claims: &Map<String, Value>, name: &str) -> Groups {
    match claims.get(name) {
        Some(Value::Array(list)) => {
            Groups::Told(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        }
        Some(Value::String(one)) => Groups::Told(vec![one.clone()]),
        _ => {
            let elsewhere = claims.get("_claim_names").is_some_and(|names| names.get(name).is_some());
            let has = claims.get("hasgroups").is_some_and(|has| has == true || has == "true");
            if elsewhere || has { Groups::Elsewhere } else { Groups::Untold }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn arrival(claims: Value) -> Arrival {
        let Value::Object(claims) = claims else { panic!("an object") };
        Arrival::of_claims("https://idp.test", "1", &ClaimMappings::default(), claims)
    }

    #[test]
    fn claims_are_read_where_the_mappings_say() {
        let told = arrival(json!({ "email": " ann@acme.test ", "name": "Ann Lee", "groups": ["a", 7, "b"] }));
        assert_eq!(told.address().ok().unwrap().as_str(), "ann@acme.test");
        assert_eq!(told.name, "Ann Lee");
        assert_eq!(told.groups, Groups::Told(vec!["a".to_owned(), "b".to_owned()]));
        let parts = arrival(json!({ "given_name": "Ann", "family_name": "Lee", "groups": "a" }));
        assert_eq!((parts.name.as_str(), parts.groups.told()), ("Ann Lee", &["a".to_owned()][..]));
        assert!(parts.address().is_err());
        assert!(arrival(json!({ "email": "nobody" })).address().is_err());
    }

    #[test]
    fn too_many_groups_are_noticed() {
        let azure = json!({ "_claim_names": { "groups": "src1" }, "_claim_sources": { "src1": {} } });
        assert_eq!(arrival(azure).groups, Groups::Elsewhere);
        assert_eq!(arrival(json!({ "hasgroups": true })).groups, Groups::Elsewhere);
        assert_eq!(arrival(json!({ "_claim_names": { "address": "src1" } })).groups, Groups::Untold);
    }
}
