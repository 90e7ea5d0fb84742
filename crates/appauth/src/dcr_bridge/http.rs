//! The operations of the bridge that is served, and on its keys.

use frame::{
    operations::{NO_SERVICES, Operation, Rule, Undeclared, delete, get, post, regional},
    principal::Callers,
};
use kernel::Action;

use super::{
    keys::{KEYS, key_create, key_delete, key_list},
    requests::{client_create, client_delete, client_hook, client_rotate},
};

const TAG: &str = "DCR bridge";
const VIEWER: &str = "DCR Providers Viewer";
const MAINTAINER: &str = "DCR Providers Maintainer";

/// The operations.
pub fn operations() -> Vec<Operation> {
    let on = |action, role| Rule::Needs(regional(action, "dcr-providers/{dcrProviderId}", role));
    let served =
        |operation: Undeclared| operation.allow(Callers::NONE, Rule::Public).oauth_errors().own_key();
    vec![
        get("list-dcr-bridge-keys", "/v2/dcr-providers/{dcrProviderId}/bridge-keys")
            .allow(NO_SERVICES, on(Action::Read, VIEWER))
            .doc(
                TAG,
                "List the keys of a provider's bridge",
                "Without themselves. An addition of Latchkey.",
            )
            .platform_errors()
            .list(&KEYS)
            .handle(key_list),
        post("create-dcr-bridge-key", "/v2/dcr-providers/{dcrProviderId}/bridge-keys")
            .allow(NO_SERVICES, on(Action::Edit, MAINTAINER))
            .doc(
                TAG,
                "Create a key of a provider's bridge",
                "The reply has what a DCR provider of the type `http` is configured with at the portal that is to call \
                 the bridge. The key is shown this once. An addition of Latchkey.",
            )
            .platform_errors()
            .errors(&[409])
            .handle(key_create),
        delete("delete-dcr-bridge-key", "/v2/dcr-providers/{dcrProviderId}/bridge-keys/{bridgeKeyId}")
            .allow(NO_SERVICES, on(Action::Edit, MAINTAINER))
            .doc(
                TAG,
                "Delete a key of a provider's bridge",
                "Whoever has it is refused from now on. Clients stay. An addition of Latchkey.",
            )
            .platform_errors()
            .handle(key_delete),
        served(post("dcr-bridge-create-client", "/dcr-bridge/{dcrProviderId}"))
            .doc(
                TAG,
                "Have a client made",
                "The call `POST /` of the published protocol. A client of which the caller was not told, because the \
                 provider or the connection failed, is removed again.",
            )
            .or_slash()
            .errors(&[502])
            .handle(client_create),
        served(delete("dcr-bridge-delete-client", "/dcr-bridge/{dcrProviderId}/{clientId}"))
            .doc(
                TAG,
                "Have a client removed",
                "What cannot be removed now is removed as soon as it can; the answer does not wait for that.",
            )
            .handle(client_delete),
        served(post("dcr-bridge-new-secret", "/dcr-bridge/{dcrProviderId}/{clientId}/new-secret"))
            .doc(
                TAG,
                "Have a client's secret replaced",
                "All older secrets end. 400 at a provider that could only replace the client itself, for its caller \
                 knows it by its id.",
            )
            .errors(&[400, 502])
            .handle(client_rotate),
        served(post("dcr-bridge-event-hook", "/dcr-bridge/{dcrProviderId}/{clientId}/event-hook"))
            .doc(
                TAG,
                "Say what happens to a client's application",
                "A change that the provider cannot take now is made as soon as it can; 400 if it would end the \
                 client's secret, which the answer could not replace.",
            )
            .handle(client_hook),
    ]
}
