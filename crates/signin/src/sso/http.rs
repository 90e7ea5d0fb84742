//! The ways in through an organization's provider.

use frame::{
    operations::{DEFAULT, Operation, Rule, SESSIONS, get, need, post},
    principal::Callers,
};
use identity::IDENTITY_ADMIN;
use kernel::Action;

use super::{
    acs::{answer_take, metadata},
    authenticate, authenticate_older, callback_older, door_page, doors_page,
    rehearsal::{rehearsal_page, rehearse},
};

const TAG: &str = "Single sign-on";

/// The operations.
pub fn operations() -> Vec<Operation> {
    let edit = Rule::Needs(need(Action::Edit, "identity-providers/*", IDENTITY_ADMIN));
    vec![
        get("authenticate-sso", "/v3/authenticate/{organizationLoginPath}")
            .allow(Callers::NONE, Rule::Public)
            .doc(
                TAG,
                "Sign in through the organization's provider",
                "For browsers: leads to the provider, and from there to `return_to`, a path of this service or a URL below \
                 its public URL.",
            )
            .legacy()
            .writes()
            .query(&[
                ("return_to", "Where to go then."),
                ("org_id", "The organization, where the path is `federated`."),
            ])
            .errors(&[400, 429])
            .handle(authenticate),
        get("authenticate-sso-kauth", "/kauth/api/v1/authenticate/{organizationLoginPath}")
            .allow(Callers::NONE, Rule::Public)
            .doc(
                TAG,
                "Sign in through the organization's provider, as the sign-in elements do it",
                "As `authenticate-sso`. `callback_url` is `/login` below the public URL, where providers send people back to.",
            )
            .writes()
            .query(&[
                ("returnTo", "Where to go then."),
                ("callback_url", "Where the provider sends people back to."),
                ("org_id", "The organization, where the path is `federated`."),
            ])
            .errors(&[400, 429])
            .handle(authenticate_older),
        get("callback-kauth", "/kauth/api/v1/authenticate/oidc-callback")
            .allow(SESSIONS, Rule::Public)
            .page()
            .writes()
            .query(&[
                ("state", "Which sign-in an identity provider answers."),
                ("code", "Its code."),
                ("iss", "Its name."),
                ("error", "Why it refuses."),
            ])
            .handle(callback_older),
        get("saml-metadata", "/v2/authenticate/{organizationLoginPath}/saml/metadata")
            .allow(Callers::NONE, Rule::Public)
            .doc(TAG, "Get the SAML metadata of this service", "What the organization's provider has to know about it.")
            .errors(&[404])
            .handle(metadata),
        post("saml-acs", "/v2/authenticate/{organizationLoginPath}/saml/acs")
            .allow(Callers::NONE, Rule::Public)
            .doc(
                TAG,
                "Take in an answer of the organization's SAML provider",
                "The assertion consumer service, by the POST binding. `RelayState` is needed: who signs in begins here.",
            )
            .form()
            .errors(&[400])
            .handle(answer_take),
        post("test-identity-provider", "/v3/identity-providers/{id}/test")
            .allow(DEFAULT, edit)
            .doc(
                TAG,
                "Rehearse a sign-in",
                "An extension of the contract. The URL signs somebody in through the provider, enabled or not, grants \
                 nothing, and shows what the provider said and what a sign-in would change. One browser may open it, once.",
            )
            .errors(&[429])
            .handle(rehearse),
        get("sso-page", "/sso")
            .allow(SESSIONS, Rule::Public)
            .page()
            .query(&[("path", "The organization's login path."), ("return_to", "Where to go then.")])
            .handle(doors_page),
        get("login-path-page", "/login/{organizationLoginPath}")
            .allow(SESSIONS, Rule::Public)
            .page()
            .writes()
            .query(&[("return_to", "Where to go then.")])
            .handle(door_page),
        get("rehearsal-page", "/rehearsals")
            .allow(SESSIONS, Rule::Public)
            .page()
            .writes()
            .query(&[("ticket", "The one-time ticket of the link.")])
            .handle(rehearsal_page),
    ]
}
