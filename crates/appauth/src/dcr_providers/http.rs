//! The operations on DCR providers.

use frame::operations::{NO_SERVICES, Operation, Rule, delete, get, patch, post, regional};
use kernel::Action;

use super::{PROVIDERS, provider_create, provider_delete, provider_get, provider_list, provider_update};

const TAG: &str = "DCR providers";
const VIEWER: &str = "DCR Providers Viewer";
const CREATOR: &str = "DCR Providers Creator";
const MAINTAINER: &str = "DCR Providers Maintainer";

/// The operations.
pub fn operations() -> Vec<Operation> {
    let on = |action, role| Rule::Needs(regional(action, "dcr-providers/{dcrProviderId}", role));
    vec![
        post("create-dcr-provider", "/v2/dcr-providers")
            .allow(NO_SERVICES, Rule::Needs(regional(Action::Create, "dcr-providers/*", CREATOR)))
            .doc(
                TAG,
                "Create a DCR provider",
                "Nothing is fetched from it. Its secret is encrypted and never shown. Names need not be unique.",
            )
            .platform_errors()
            .handle(provider_create),
        get("list-dcr-providers", "/v2/dcr-providers")
            .allow(NO_SERVICES, Rule::NeedsSome(regional(Action::List, "dcr-providers/*", VIEWER)))
            .doc(TAG, "List DCR providers", "")
            .platform_errors()
            .list(&PROVIDERS)
            .handle(provider_list),
        get("get-dcr-provider", "/v2/dcr-providers/{dcrProviderId}")
            .allow(NO_SERVICES, on(Action::Read, VIEWER))
            .doc(TAG, "Get a DCR provider", "")
            .platform_errors()
            .handle(provider_get),
        patch("update-dcr-provider", "/v2/dcr-providers/{dcrProviderId}")
            .allow(NO_SERVICES, on(Action::Edit, MAINTAINER))
            .doc(
                TAG,
                "Change a DCR provider",
                "What is not sent stays, the secret included. Who changes scheme, host or port of an address that the \
                 secret is sent to sends the secret again.",
            )
            .platform_errors()
            .errors(&[400])
            .handle(provider_update),
        delete("delete-dcr-provider", "/v2/dcr-providers/{dcrProviderId}")
            .allow(NO_SERVICES, on(Action::Delete, MAINTAINER))
            .doc(
                TAG,
                "Delete a DCR provider",
                "Strategies that used it go on without one. 409 while it has clients of applications; the detail counts \
                 them.",
            )
            .platform_errors()
            .errors(&[409])
            .handle(provider_delete),
    ]
}
