//! The operation that verifies a provider.

use frame::{
    Cx,
    db::OrgScope,
    input::At,
    operations::{NO_SERVICES, Operation, Rule, post, regional},
    reply::Found,
};
use kernel::{Action, DcrProviderId, Problem, Result};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{Registrar, Verification, probe, verify};
use crate::dcr_providers::{KIND, provider_open};

/// The operations.
pub fn operations() -> Vec<Operation> {
    let maintainer = regional(Action::Edit, "dcr-providers/{dcrProviderId}", "DCR Providers Maintainer");
    vec![
        post("verify-dcr-provider", "/v2/dcr-providers/{dcrProviderId}/verify")
            .allow(NO_SERVICES, Rule::Needs(maintainer))
            .doc(
                "DCR providers",
                "Verify a DCR provider",
                "Does the real thing: reads the issuer's discovery document and keys, gets a token, registers a client, \
                 and removes it. Each fault is one sentence that names the step and what to do.",
            )
            .platform_errors()
            .handle(provider_verify),
    ]
}

/// Whether everything worked.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Status {
    Success,
    Failed,
}

/// What became of a verification (contract: `VerifyDcrProviderResponse`).
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Verified {
    /// Whether everything worked.
    status: Status,
    /// What did not, each in one sentence.
    errors: Vec<String>,
}

/// Nothing of the database is held while the provider is asked: this request's transaction begins after that.
async fn provider_verify(cx: Cx, At(id): At<DcrProviderId>) -> Result<Found<Verified>> {
    let app = cx.app();
    let provider = {
        let db = OrgScope::new(app.db.read(), cx.org());
        provider_open(app, &db, id).await?.ok_or(Problem::NotFound("DCR provider"))?
    };
    let probe = probe(cx.new_id::<()>().uuid(), cx.org().uuid(), format!("{}/", app.settings.public_url));
    let Verification { errors } = match Registrar::of(app)?.adapter(&provider) {
        Some(adapter) => verify(&*adapter, &probe).await,
        None => Verification {
            errors: vec![
                "The built-in server registers no clients yet: use a provider of another type.".to_owned(),
            ],
        },
    };
    let status = if errors.is_empty() { Status::Success } else { Status::Failed };
    let outcome = json!({ "status": status, "errors": errors });
    cx.audit(Action::Test, format!("{KIND}/{id}/verify"), outcome).await?;
    Ok(Found(Verified { status, errors }))
}
