//! The operations on application auth strategies.

use frame::operations::{NO_SERVICES, Operation, Rule, delete, get, patch, post, put, regional};
use kernel::Action;

use super::{
    STRATEGIES, strategy_create, strategy_delete, strategy_get, strategy_list, strategy_replace,
    strategy_update,
};

const TAG: &str = "Application auth strategies";
const VIEWER: &str = "Application Auth Strategies Viewer";
const CREATOR: &str = "Application Auth Strategies Creator";
const MAINTAINER: &str = "Application Auth Strategies Maintainer";

/// The operations.
pub fn operations() -> Vec<Operation> {
    let on =
        |action, role| Rule::Needs(regional(action, "application-auth-strategies/{authStrategyId}", role));
    let create = regional(Action::Create, "application-auth-strategies/*", CREATOR);
    let list = regional(Action::List, "application-auth-strategies/*", VIEWER);
    vec![
        post("create-app-auth-strategy", "/v2/application-auth-strategies")
            .allow(NO_SERVICES, Rule::Needs(create))
            .doc(
                TAG,
                "Create a strategy",
                "Whoever names a DCR provider has to be allowed to read it. Names need not be unique.",
            )
            .platform_errors()
            .handle(strategy_create),
        get("list-app-auth-strategies", "/v2/application-auth-strategies")
            .allow(NO_SERVICES, Rule::NeedsSome(list))
            .doc(TAG, "List strategies", "")
            .platform_errors()
            .list(&STRATEGIES)
            .handle(strategy_list),
        get("get-app-auth-strategy", "/v2/application-auth-strategies/{authStrategyId}")
            .allow(NO_SERVICES, on(Action::Read, VIEWER))
            .doc(TAG, "Get a strategy", "")
            .platform_errors()
            .handle(strategy_get),
        put("replace-app-auth-strategy", "/v2/application-auth-strategies/{authStrategyId}")
            .allow(NO_SERVICES, on(Action::Edit, MAINTAINER))
            .doc(
                TAG,
                "Replace a strategy",
                "What is left out is as in a new strategy. The type stays. Answers 201.",
            )
            .platform_errors()
            .errors(&[400, 409])
            .handle(strategy_replace),
        patch("update-app-auth-strategy", "/v2/application-auth-strategies/{authStrategyId}")
            .allow(NO_SERVICES, on(Action::Edit, MAINTAINER))
            .doc(
                TAG,
                "Change a strategy",
                "What is not sent stays. `null` takes away a label, the DCR provider, a key's `ttl` and a setting of the \
                 gateway's plugin.",
            )
            .platform_errors()
            .errors(&[400, 409])
            .handle(strategy_update),
        delete("delete-app-auth-strategy", "/v2/application-auth-strategies/{authStrategyId}")
            .allow(NO_SERVICES, on(Action::Delete, MAINTAINER))
            .doc(TAG, "Delete a strategy", "409 while anything uses it, published or not; the detail says what.")
            .platform_errors()
            .errors(&[409])
            .handle(strategy_delete),
    ]
}
