//! What uses a strategy: what makes it active, and what keeps it from being deleted. Uses are written here as
//! what uses strategies writes them; of portals and publications the stories of publishing tell.

use appauth::strategies::uses::{Use, UseKind, use_drop, use_put};
use frame::db::{DbError, OrgScope};
use kernel::Id;
use serde_json::{Value, json};
use tests::{Engine, TestApp, on_both};

use crate::{id, platform_problem, problem};

const STRATEGIES: &str = "/v2/application-auth-strategies";
const PROVIDERS: &str = "/v2/dcr-providers";

async fn strategy(app: &TestApp, provider: Option<&str>) -> String {
    let config =
        json!({ "issuer": "https://oidc.test", "credential_claim": [], "scopes": [], "auth_methods": [] });
    let new = json!({
        "name": "Tokens", "display_name": "Tokens", "strategy_type": "openid_connect", "dcr_provider_id": provider,
        "configs": { "openid-connect": config },
    });
    id(&app.owner.post(STRATEGIES, new).await.expect(201)).to_owned()
}

/// A use by something with this number.
fn used(kind: UseKind, n: u128, published: bool, label: &str) -> Use {
    Use { kind, used_by: Id::from_uuid(uuid::Uuid::from_u128(n)), published, label: label.to_owned() }
}

async fn put(app: &TestApp, strategy: &str, it: &Use) -> Result<(), DbError> {
    let session = app.app.db.write();
    let db = OrgScope::new(session.clone(), app.org);
    use_put(&db, strategy.parse().expect("an id"), it).await?;
    session.commit().await
}

async fn drop_use(app: &TestApp, it: &Use) -> u64 {
    let session = app.app.db.write();
    let db = OrgScope::new(session.clone(), app.org);
    let dropped = use_drop(&db, it.kind, it.used_by).await.expect("dropped");
    session.commit().await.expect("committed");
    dropped
}

on_both! {
    /// A strategy is active while something published uses it, and a provider while a strategy of it is.
    async fn what_is_published_makes_active(engine: Engine) {
        let app = TestApp::new(engine).await;
        let new = json!({ "name": "x", "provider_type": "okta", "issuer": "https://okta.test", "dcr_config": { "dcr_token": "x" } });
        let provider = id(&app.owner.post(PROVIDERS, new).await.expect(201)).to_owned();
        let (first, second) = (strategy(&app, Some(&provider)).await, strategy(&app, Some(&provider)).await);
        let active = async || {
            let of = async |path: String| app.owner.get(&path).await.expect(200)["active"].as_bool();
            let listed = app.owner.get(STRATEGIES).await.expect(200);
            let one = of(format!("{STRATEGIES}/{first}")).await;
            assert_eq!(listed["data"][0]["active"].as_bool(), one);
            let two = of(format!("{STRATEGIES}/{second}")).await;
            let all = of(format!("{PROVIDERS}/{provider}")).await;
            let listed = app.owner.get(PROVIDERS).await.expect(200);
            assert_eq!(listed["data"][0]["active"].as_bool(), all);
            [one, two, all].map(|it| it.expect("a boolean"))
        };
        assert_eq!(active().await, [false; 3]);
        let mut version = used(UseKind::ProductVersion, 1, false, "Orders v1 in Developers");
        put(&app, &first, &version).await.expect("put");
        put(&app, &second, &used(UseKind::Application, 2, false, "Shop")).await.expect("put");
        assert_eq!(active().await, [false; 3], "used, and not published");
        version.published = true;
        put(&app, &first, &version).await.expect("put again");
        assert_eq!(active().await, [true, false, true]);
        let changed = app.owner.patch(&format!("{STRATEGIES}/{first}"), json!({ "name": "y" })).await.expect(200);
        assert_eq!(changed["active"], true);
        app.owner.patch(&format!("{STRATEGIES}/{first}"), json!({ "dcr_provider_id": null })).await.expect(200);
        assert_eq!(active().await, [true, false, false], "the provider has no part in it any more");
        let publication = used(UseKind::Publication, 3, true, "Orders API");
        put(&app, &second, &publication).await.expect("put");
        assert_eq!(active().await, [true, true, true]);
        assert_eq!((drop_use(&app, &version).await, drop_use(&app, &publication).await), (1, 1));
        assert_eq!(active().await, [false; 3]);
    }
}

on_both! {
    /// A strategy stays while anything uses it, published or not; the refusal says what.
    async fn what_is_used_stays(engine: Engine) {
        let app = TestApp::new(engine).await;
        let made = strategy(&app, None).await;
        let path = format!("{STRATEGIES}/{made}");
        let version = used(UseKind::ProductVersion, 1, false, "Orders v1 in Developers");
        put(&app, &made, &version).await.expect("put");
        let refused = async || problem(app.owner.delete(&path).await);
        let conflict = |detail: &str| platform_problem(409, "Conflict", detail);
        let one = "The strategy is used by [Orders v1 in Developers] (product version)";
        assert_eq!(refused().await, conflict(one));
        for n in 2..=8 {
            put(&app, &made, &used(UseKind::Application, n, false, &format!("App {n}"))).await.expect("put");
        }
        put(&app, &made, &used(UseKind::PortalDefault, 9, false, "Developers")).await.expect("put");
        put(&app, &made, &used(UseKind::Publication, 9, true, "Orders API")).await.expect("put");
        let many = "The strategy is used by [Orders API] (API publication), [App 2] (application), [App 3] (application), \
                    [App 4] (application), [App 5] (application) and 5 more";
        assert_eq!(refused().await, conflict(many));
        app.owner.get(&path).await.expect(200);

        // Another organization's uses of the same thing are its own.
        let rival = app.rival("owner@rival.test").await;
        let broken = put(&rival, &made, &version).await;
        assert!(matches!(broken, Err(DbError::Reference)), "no strategy of theirs");
        assert_eq!(drop_use(&rival, &version).await, 0);

        app.database.query("DELETE FROM strategy_uses WHERE kind <> 'portal-default'").await;
        assert_eq!(refused().await, conflict("The strategy is used by [Developers] (default of a portal)"));
        drop_use(&app, &used(UseKind::PortalDefault, 9, false, "")).await;
        app.owner.delete(&path).await.expect(204);
        assert_eq!(app.owner.get(STRATEGIES).await.expect(200)["data"], json!([]));
        let gone = put(&app, &made, &version).await;
        assert!(matches!(gone, Err(DbError::Reference)), "nothing uses what is not there");
        let _: Value = refused().await;
    }
}
