//! `/openapi.json`, and `/docs` that renders it from files inside the binary.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderValue, Response, header};

/// Nothing from elsewhere, no script in the page; the page's own library writes style attributes.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; font-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// Answers a GET of the documentation; `None` if the path is something else.
pub fn answer(path: &str, document: impl FnOnce() -> String) -> Option<Response<Body>> {
    if path == "/openapi.json" {
        return Some(reply("application/json", document().into_bytes()));
    }
    if path == "/docs" || path == "/" {
        let mut moved = Response::new(Body::empty());
        *moved.status_mut() = http::StatusCode::FOUND;
        moved.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/docs/"));
        return Some(moved);
    }
    let file = path.strip_prefix("/docs/")?;
    let config = utoipa_swagger_ui::Config::from("/openapi.json")
        .deep_linking(true)
        .try_it_out_enabled(true)
        .use_base_layout();
    let found = utoipa_swagger_ui::serve(file, Arc::new(config)).ok().flatten()?;
    let mut bytes = found.bytes.into_owned();
    if found.content_type.starts_with("text/html") {
        bytes = String::from_utf8_lossy(&bytes)
            .replace("<title>Swagger UI</title>", "<title>Latchkey API</title>")
            .into_bytes();
    }
    let mut page = reply("text/plain", bytes);
    if let Ok(content_type) = HeaderValue::from_str(&found.content_type) {
        page.headers_mut().insert(header::CONTENT_TYPE, content_type);
    }
    Some(page)
}

fn reply(content_type: &'static str, bytes: Vec<u8>) -> Response<Body> {
    let mut reply = Response::new(Body::from(bytes));
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    reply
}
