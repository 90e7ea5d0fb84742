//! Any authorization server that keeps to RFC 7591 and RFC 7592, with an initial access token or with an initial
//! client. A kind of provider of ours: the contract has none for it.

use frame::access::BoxFuture;

use super::{
    Adapter, Answered, Capabilities, Client, Deleted, Fault, Found, Issued, Step, Updated, Verification,
    Wanted,
    dynamic::{Dynamic, Proof, rotated},
    line::Line,
};

/// The adapter.
pub struct Rfc7591 {
    server: Dynamic,
    update_rotates_secret: bool,
}

impl Rfc7591 {
    /// The adapter of a provider.
    pub fn new(line: Line, issuer: String, proof: Proof, update_rotates_secret: bool) -> Self {
        Self { server: Dynamic { line, issuer, proof, managing_scope: None }, update_rotates_secret }
    }
}

impl Adapter for Rfc7591 {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            multiple_credentials: None,
            rotate: self.update_rotates_secret,
            update_rotates_secret: self.update_rotates_secret,
            find: false,
            // Who replaces secrets when a client is changed may do so when it is looked at.
            read: !self.update_rotates_secret,
            granted_scopes: false,
            replace: !self.update_rotates_secret,
        }
    }

    fn create<'a>(&'a self, wanted: &'a Wanted) -> Answered<'a, Issued> {
        Box::pin(self.server.register(wanted))
    }

    fn read<'a>(&'a self, client: &'a Client) -> Answered<'a, Found> {
        Box::pin(async move {
            if self.update_rotates_secret {
                return Err(Fault::Unsupported("look at a client without changing it"));
            }
            self.server.look(client).await
        })
    }

    fn update<'a>(&'a self, client: &'a Client, wanted: &'a Wanted) -> Answered<'a, Updated> {
        Box::pin(async move { Ok(self.server.replace(client, wanted).await?.0) })
    }

    fn rotate<'a>(&'a self, client: &'a Client, wanted: &'a Wanted) -> Answered<'a, Issued> {
        Box::pin(async move {
            if !self.update_rotates_secret {
                return Err(Fault::Unsupported("replace a client's secret"));
            }
            let (updated, body) = self.server.replace(client, wanted).await?;
            rotated(updated, &body)
        })
    }

    fn delete<'a>(&'a self, client: &'a Client) -> Answered<'a, Deleted> {
        Box::pin(self.server.unregister(client))
    }

    fn check<'a>(&'a self, report: &'a mut Verification) -> BoxFuture<'a, bool> {
        Box::pin(self.server.check(report, self.remedy(Step::Token)))
    }

    fn remedy(&self, step: Step) -> &'static str {
        match step {
            Step::Token | Step::Permissions => {
                "see that the initial client exists, that its secret here is the right one, and that it may use client credentials with the configured scope"
            }
            Step::Create => {
                "see that the initial access token, or the initial client's scope, lets one register clients for the client credentials grant"
            }
            Step::Rotate => {
                "see that the server replaces a client's secret when the client is changed, or turn off the setting that says so"
            }
            _ => "turn on the management of dynamic clients (RFC 7592) at the provider",
        }
    }
}
