//! The operations of the gateway.

use frame::operations::{DEFAULT, NO_SERVICES, Operation, Rule, administrators, delete, get, post, regional};
use kernel::Action;

use super::{
    check::{gateway_check, gateway_version_check},
    document::{QUERY, configuration_get},
    implementations::{
        IMPLEMENTATIONS, implementation_create, implementation_delete, implementation_get,
        implementation_list,
    },
    status::status_get,
};

const TAG: &str = "API implementations";
const GATEWAY: &str = "Gateway";
const ALL: &str = "/v3/apis/{apiId}/implementations";
const ONE: &str = "/v3/apis/{apiId}/implementations/{implementationId}";
const VIEWER: &str = "APIs Viewer";
const MAINTAINER: &str = "APIs Maintainer";

/// The operations.
pub fn operations() -> Vec<Operation> {
    implementations().into_iter().chain(gateway()).collect()
}

fn implementations() -> Vec<Operation> {
    let on = |action, role| Rule::Needs(regional(action, "apis/{apiId}", role));
    vec![
        post("create-api-implementation", ALL)
            .allow(NO_SERVICES, on(Action::Edit, MAINTAINER))
            .doc(
                TAG,
                "Link an API to a service of the gateway",
                "From then on the service is guarded as the API's publications say. 409 if the API is linked already, or \
                 another API to the service.",
            )
            .platform_errors()
            .errors(&[409])
            .handle(implementation_create),
        get("fetch-api-implementation", ONE)
            .allow(NO_SERVICES, on(Action::Read, VIEWER))
            .doc(TAG, "Get an API's link to a service", "")
            .platform_errors()
            .handle(implementation_get),
        delete("delete-api-implementation", ONE)
            .allow(NO_SERVICES, on(Action::Edit, MAINTAINER))
            .doc(
                TAG,
                "Unlink an API from its service",
                "What guards the service is removed from the gateway. To close a service instead, end the API's \
                 publications.",
            )
            .platform_errors()
            .handle(implementation_delete),
        get("list-api-implementations", "/v3/api-implementations")
            .allow(NO_SERVICES, Rule::NeedsSome(regional(Action::List, "apis/*", VIEWER)))
            .doc(TAG, "List the links of APIs to services", "Of the APIs that the caller may list.")
            .platform_errors()
            .list(&IMPLEMENTATIONS)
            .handle(implementation_list),
    ]
}

fn gateway() -> Vec<Operation> {
    vec![
        get("get-gateway-configuration", "/v3/gateway/configuration")
            .allow(NO_SERVICES, Rule::Needs(administrators(Action::Deploy, "gateway/configuration")))
            .doc(
                GATEWAY,
                "Get what the gateway is to have",
                "As a declarative document in decK's format, with plain plugins. It has the keys of applications in clear, \
                 as far as they are kept; what is left out is told in `warnings`. The `ttl` of a key counts from now.",
            )
            .platform_errors()
            .errors(&[400])
            .query(QUERY)
            .writes()
            .handle(configuration_get),
        get("get-gateway-status", "/v3/gateway/status")
            .allow(NO_SERVICES, Rule::Needs(administrators(Action::Read, "gateway/status")))
            .doc(GATEWAY, "Get how far the gateway is behind", "And why, if it does not take what it is told.")
            .platform_errors()
            .handle(status_get),
        post("check-gateway-access", "/v3/gateway/check")
            .allow(DEFAULT, Rule::NeedsSome(regional(Action::Read, "apis/*", VIEWER)))
            .doc(
                GATEWAY,
                "Ask whether a key or a client may call an API",
                "For a gateway that asks instead of being told. The caller has to be allowed to read the API. Answers 200 \
                 either way.",
            )
            .platform_errors()
            .errors(&[400])
            .handle(gateway_check),
        post("check-gateway-access-v2", "/v2/gateway/check")
            .allow(DEFAULT, Rule::NeedsSome(regional(Action::Read, "api-products/*", "API Products Viewer")))
            .doc(
                GATEWAY,
                "Ask whether a key or a client may call a version of a product",
                "The same as for an API. The caller has to be allowed to read the version's product.",
            )
            .platform_errors()
            .errors(&[400])
            .handle(gateway_version_check),
    ]
}
