//! The credentials that the program has with AWS are found where AWS's own tools find them, and kept to itself.

use std::{fs, net::SocketAddr};

use axum::{
    Router,
    http::HeaderMap,
    routing::{get, post, put},
};
use serde_json::{Value, json};
use tests::{AWS_KEY, Answer, Engine, Marketplace, Resolver, on_both, python, run};
use tokio::net::TcpListener;

use crate::binary::{Installation, Server};

const ROLE: &str = "arn:aws:iam::123456789012:role/latchkey";

async fn bring(server: &Server) -> Answer {
    let token = json!({ "token": "Ann+1/aB%2B==" });
    server.client(&server.token()).post("/v3/aws/marketplace/resolve-customer", token).await
}

fn key() -> Value {
    json!({
        "Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": AWS_KEY.0, "SecretAccessKey": AWS_KEY.1, "Token": "session",
        "LastUpdated": "2026-01-01T00:00:00Z", "Expiration": "2096-01-01T00:00:00Z",
    })
}

/// Those whom a machine in AWS's network asks for credentials: a container's service, an instance's, and the one that
/// changes a web identity into them. They are written by hand.
async fn surroundings() -> SocketAddr {
    let instance = |headers: HeaderMap| async move {
        if headers.get("x-aws-ec2-metadata-token").is_some_and(|token| token == "of the instance") {
            "latchkey".to_owned()
        } else {
            "no token".to_owned()
        }
    };
    let changed = |form: String| async move {
        assert!(
            form.contains("Action=AssumeRoleWithWebIdentity") && form.contains("WebIdentityToken=of-the-pod"),
            "{form}"
        );
        format!(
            "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <AssumeRoleWithWebIdentityResult><AssumedRoleUser><Arn>{ROLE}</Arn><AssumedRoleId>A:latchkey</AssumedRoleId>\
             </AssumedRoleUser><Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>\
             <SessionToken>session</SessionToken><Expiration>2096-01-01T00:00:00Z</Expiration></Credentials>\
             </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>",
            AWS_KEY.0, AWS_KEY.1
        )
    };
    let list = "/latest/meta-data/iam/security-credentials/";
    let routes = Router::new()
        .route("/container", get(|| async { key().to_string() }))
        .route(
            "/latest/api/token",
            put(|| async { ([("x-aws-ec2-metadata-token-ttl-seconds", "600")], "of the instance") }),
        )
        .route(list, get(instance))
        .route(&format!("{list}latchkey"), get(|| async { key().to_string() }))
        .route("/", post(changed));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move { axum::serve(listener, routes).await.expect("it serves") });
    address
}

#[test]
fn credentials_are_found_where_others_find_them() {
    run(async {
        let Some(python) = python() else { return };
        let aws = Marketplace::start(&python);
        let near = format!("http://{}", surroundings().await);
        let place = Installation::new(Engine::Sqlite).await;
        let file = |name: &str, text: String| {
            let path = place.database.directory.join(name);
            fs::write(&path, text).expect("a file");
            path.to_string_lossy().into_owned()
        };
        let profile =
            format!("[seller]\naws_access_key_id = {}\naws_secret_access_key = {}\n", AWS_KEY.0, AWS_KEY.1);
        let (profile, pod) = (file("credentials", profile), file("token", "of-the-pod".to_owned()));
        let (container, sts) = (format!("{near}/container"), near.clone());
        let places: [(&str, &[(&str, &str)]); 5] = [
            ("environment", &[("AWS_ACCESS_KEY_ID", AWS_KEY.0), ("AWS_SECRET_ACCESS_KEY", AWS_KEY.1)]),
            ("profile", &[("AWS_SHARED_CREDENTIALS_FILE", &profile), ("AWS_PROFILE", "seller")]),
            (
                "web identity",
                &[
                    ("AWS_WEB_IDENTITY_TOKEN_FILE", &pod),
                    ("AWS_ROLE_ARN", ROLE),
                    ("AWS_ENDPOINT_URL_STS", &sts),
                ],
            ),
            ("container", &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &container)]),
            (
                "instance",
                &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &near), ("AWS_EC2_METADATA_DISABLED", "false")],
            ),
        ];
        for (what, environment) in places {
            let place = Installation::new(Engine::Sqlite).await;
            let server = place
                .serve_in(
                    environment,
                    &[&aws.settings()[..], &[("OUTBOUND_HTTP", "true"), ("LOG", "trace")]].concat(),
                )
                .await;
            let answer = bring(&server).await;
            assert_eq!(answer.status, 201, "{what}: {}\n{}", answer.text, server.stderr());
            let log = server.stop().await;
            for secret in [AWS_KEY.1, "Ann+1/aB", "of-the-pod", "of the instance"] {
                assert!(!log.contains(secret), "{what}: [{secret}] is in the log:\n{log}");
            }
        }
    });
}

on_both! {
    /// Without credentials AWS cannot be asked, and whoever runs this learns why.
    async fn without_credentials(engine: Engine) {
        let resolver = Resolver::serve().await;
        let place = Installation::new(engine).await;
        let server = place.serve_with(&[&resolver.settings()[..], &[("OUTBOUND_HTTP", "true")]].concat()).await;
        let answer = bring(&server).await;
        assert_eq!(answer.header("retry-after"), "1");
        assert_eq!(answer.expect(503)["detail"], "This installation has no credentials for AWS Marketplace");
        assert_eq!(place.database.query("SELECT 1 FROM marketplace_customers").await, [""; 0]);
        let log = server.stop().await;
        assert!(log.contains("has no credentials for AWS Marketplace"), "{log}");
    }
}
