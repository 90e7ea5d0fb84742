//! Curity: dynamic registration with an initial token for each client, got by an initial client. Every change of a
//! client replaces its secret and its registration token, and so does looking at it, which is why nobody does.

use frame::access::BoxFuture;

use super::{
    Adapter, Answered, Capabilities, Client, Deleted, Issued, Step, Updated, Verification, Wanted,
    dynamic::{Dynamic, Proof, rotated},
    line::Line,
    tokens::InitialClient,
};

/// The scope of initial tokens.
const REGISTERING: &str = "dcr";
/// The scope of tokens that manage any client.
const MANAGING: &str = "dcrm";

/// The adapter.
pub struct Curity(Dynamic);

impl Curity {
    /// The adapter of a provider.
    pub fn new(line: Line, issuer: String, client: InitialClient) -> Self {
        let proof = Proof::InitialClient { client, scope: REGISTERING.to_owned() };
        Self(Dynamic { line, issuer, proof, managing_scope: Some(MANAGING) })
    }
}

impl Adapter for Curity {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            multiple_credentials: None,
            rotate: true,
            update_rotates_secret: true,
            find: false,
            read: false,
            granted_scopes: false,
            replace: false,
        }
    }

    fn create<'a>(&'a self, wanted: &'a Wanted) -> Answered<'a, Issued> {
        Box::pin(self.0.register(wanted))
    }

    fn update<'a>(&'a self, client: &'a Client, wanted: &'a Wanted) -> Answered<'a, Updated> {
        Box::pin(async move { Ok(self.0.replace(client, wanted).await?.0) })
    }

    fn rotate<'a>(&'a self, client: &'a Client, wanted: &'a Wanted) -> Answered<'a, Issued> {
        Box::pin(async move {
            let (updated, body) = self.0.replace(client, wanted).await?;
            rotated(updated, &body)
        })
    }

    fn delete<'a>(&'a self, client: &'a Client) -> Answered<'a, Deleted> {
        Box::pin(self.0.unregister(client))
    }

    fn check<'a>(&'a self, report: &'a mut Verification) -> BoxFuture<'a, bool> {
        Box::pin(self.0.check(report, self.remedy(Step::Token)))
    }

    fn remedy(&self, step: Step) -> &'static str {
        match step {
            Step::Token | Step::Permissions => {
                "see that the initial client exists, that its secret here is the right one, and that it may use client credentials with the scope dcr"
            }
            Step::Create => {
                "see that registration is on, not templatized, and open to the initial client, for the client credentials grant"
            }
            _ => "turn on the management of dynamic clients at the provider",
        }
    }
}
