//! SIGTERM in the middle of work.

use std::time::Duration;

use serde_json::json;
use tests::{Engine, on_both};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    binary::{Installation, Server},
    writers::{Acknowledged, count, lost, write},
};

/// A request whose body the server waits for, as its answer to `expect` shows.
async fn begun_request(server: &Server, body: &str) -> TcpStream {
    let address = server.url.strip_prefix("http://").expect("a URL");
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let head = format!(
        "POST /v3/teams HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        server.token(),
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.expect("an answer");
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

on_both! {
    /// What was acknowledged is there after the restart, and a request that was under way when the server
    /// was told to stop gets its answer.
    async fn what_was_begun_is_finished(engine: Engine) {
        let place = Installation::new(engine).await;
        let mut server = place.serve().await;
        let token = server.token();
        let client = server.client(&token);

        let body = json!({ "name": "Half sent" }).to_string();
        let (half, rest) = body.split_at(10);
        let mut slow = begun_request(&server, &body).await;
        slow.write_all(half.as_bytes()).await.expect("sent");

        let acknowledged = Acknowledged::default();
        let writers = write(&client, "burst", &acknowledged);
        server.until("nothing is acknowledged", |_| count(&acknowledged) >= 200).await;
        server.terminate();
        server.until("it does not hear", |server| server.stderr().contains("stopping")).await;
        // Long enough for a server that does not wait to be gone.
        tokio::time::sleep(Duration::from_millis(500)).await;
        slow.write_all(rest.as_bytes()).await.expect("sent");
        let mut reply = String::new();
        slow.read_to_string(&mut reply).await.expect("a reply");
        assert!(reply.starts_with("HTTP/1.1 201 "), "{reply}");
        writers.join_all().await;
        assert!(server.ended().await.success(), "{}", server.stderr());
        assert!(server.stderr().contains("stopped") && !server.stderr().contains(&token));

        let server = place.serve().await;
        let client = server.client(&token);
        assert_eq!(lost(&client, &acknowledged).await, [""; 0]);
        let team = client.get("/v3/teams?filter[name]=Half sent").await.expect(200);
        assert_eq!(team["meta"]["page"]["total"], 1);
    }
}

on_both! {
    /// A client that never finishes its request does not keep the server for ever.
    async fn the_grace_has_an_end(engine: Engine) {
        let place = Installation::new(engine).await;
        let mut server = place.serve_with(&[("SHUTDOWN_GRACE_SECONDS", "1")]).await;
        let _stuck = begun_request(&server, "{}").await;
        server.terminate();
        assert!(server.ended().await.success(), "{}", server.stderr());
        assert!(server.stderr().contains("requests were still running"), "{}", server.stderr());
    }
}
