//! What can go wrong between here and a provider, by who can mend it.

use std::time::Duration;

use kernel::{Invalid, Problem};

/// What a developer wrote.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Field {
    /// Where users are sent back to.
    RedirectUri,
    /// The application's name.
    Name,
    /// The scopes that were chosen.
    Scopes,
}

impl Field {
    const fn name(self) -> &'static str {
        match self {
            Self::RedirectUri => "redirect_uri",
            Self::Name => "name",
            Self::Scopes => "scopes",
        }
    }
}

/// Why a provider did not do what it was asked. No text of the provider's own is in it, and no secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The provider or its configuration here is not right: an administrator's to mend.
    Configuration(String),
    /// The provider does not take what the developer wrote.
    Input(Field),
    /// It may work later; nothing was done.
    Transient {
        /// What happened.
        why: String,
        /// When it makes sense to try again, as the provider says.
        after: Option<Duration>,
    },
    /// The request may have been worked off, or not.
    Unknown(String),
    /// The client is not at the provider any more.
    Gone,
    /// The client has as many secrets as the provider allows, or as few.
    Limit(&'static str),
    /// Something of the kind is there already.
    Exists,
    /// The provider cannot do it, as it is configured.
    Unsupported(&'static str),
}

/// When it makes sense to try again if nobody says.
const LATER: Duration = Duration::from_secs(10);

impl Fault {
    /// Something an administrator has to mend.
    pub fn configuration(why: impl Into<String>) -> Self {
        Self::Configuration(why.into())
    }

    /// Something that may pass.
    pub fn transient(why: impl Into<String>) -> Self {
        Self::Transient { why: why.into(), after: None }
    }

    /// The same where no client was asked for, but a place where clients are made: that it is not there is for
    /// an administrator to mend.
    #[must_use]
    pub fn of_place(self) -> Self {
        match self {
            Self::Gone => Self::configuration("there is nothing where clients are registered (status 404)"),
            fault => fault,
        }
    }

    /// What happened, as an administrator may read it.
    pub fn told(&self) -> String {
        match self {
            Self::Configuration(why) | Self::Unknown(why) | Self::Transient { why, .. } => why.clone(),
            Self::Input(field) => format!("it does not take the {}", field.name().replace('_', " ")),
            Self::Gone => "it does not know the client".to_owned(),
            Self::Limit(why) => (*why).to_owned(),
            Self::Exists => "there is one already".to_owned(),
            Self::Unsupported(what) => format!("it cannot {what}"),
        }
    }
}

/// What a developer sees. The administrator sees more: see [`Fault::told`].
impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Configuration(_) => Self::Upstream(
                "The identity provider refuses this service. An administrator has to verify its configuration",
                None,
            ),
            Fault::Input(field) => {
                let rule = "is not accepted by the identity provider".to_owned();
                Self::Invalid(vec![Invalid::body(field.name(), kernel::Fault::Rule(rule))])
            }
            Fault::Transient { after, .. } => {
                Self::Upstream("The identity provider cannot do this now", Some(after.unwrap_or(LATER)))
            }
            Fault::Unknown(_) => Self::Upstream(
                "The identity provider did not say whether it was done. Look before you try again",
                None,
            ),
            Fault::Gone => {
                Self::Conflict("The client does not exist at the identity provider any more".to_owned())
            }
            Fault::Limit(why) => Self::Forbidden(kernel::problem::Denied::Because(why.to_owned())),
            Fault::Exists => Self::Conflict("The identity provider has such a client already".to_owned()),
            Fault::Unsupported(what) => Self::Conflict(format!("The identity provider cannot {what}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_can_mend_it_decides_what_a_developer_sees() {
        let after = Some(Duration::from_secs(3));
        for (fault, status) in [
            (Fault::configuration("x"), 502),
            (Fault::Input(Field::RedirectUri), 400),
            (Fault::Transient { why: "x".to_owned(), after }, 503),
            (Fault::Unknown("x".to_owned()), 502),
            (Fault::Gone, 409),
            (Fault::Limit("x"), 403),
            (Fault::Exists, 409),
            (Fault::Unsupported("x"), 409),
        ] {
            assert_eq!(Problem::from(fault.clone()).status(), status, "{fault:?}");
        }
        let fault = Fault::Transient { why: "status 429".to_owned(), after };
        let shown = Problem::from(fault).render(kernel::Family::Platform, 1);
        assert_eq!(shown.retry_after, Some(3));
        assert!(!shown.body.to_string().contains("429"));
    }
}
