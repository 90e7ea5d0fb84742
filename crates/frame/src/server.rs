//! From HTTP to an operation and back.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
    task::Poll,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, State},
};
use http::{HeaderMap, HeaderValue, Method, Request, header};
use kernel::{Family, Problem, Result, WallClock, problem::chain};
use serde_json::Value;

use crate::{
    App,
    access::BoxFuture,
    apidocs,
    around::{Around, Cut, Seen, Verdict, Watch},
    audit::Origin,
    brand::{OwnBrand, brand_of},
    cx::Cx,
    db::OrgScope,
    gate::{self, Sent},
    input::RawInput,
    listener::Peer,
    openapi,
    operations::Operation,
    pages::{self, Pages},
    portals::{self, Site},
    principal::Principal,
    reply::Response,
    telemetry::{Finished, Handles},
};

/// How often a transaction that lost against another is run again before the client is told.
const ATTEMPTS: u32 = 6;

struct Served {
    operation: Operation,
    handles: Handles,
}

/// All operations, ready to be served.
pub struct Server {
    app: App,
    operations: Vec<Served>,
    routes: matchit::Router<HashMap<Method, usize>>,
    unrouted: Handles,
    document: OnceLock<String>,
    around: Option<Arc<dyn Around>>,
}

/// What a client gets.
type Reply = http::Response<Body>;

impl Server {
    /// Lays the routes. Fails on two operations with one id, or with one method and path.
    pub fn new(app: App, operations: Vec<Operation>) -> Result<Self, String> {
        let mut by_path: HashMap<String, HashMap<Method, usize>> = HashMap::new();
        let mut served: Vec<Served> = Vec::with_capacity(operations.len());
        for operation in operations {
            let spec = &operation.spec;
            if served.iter().any(|other| other.operation.spec.id == spec.id) {
                return Err(format!("two operations are called [{}]", spec.id));
            }
            for path in spec.paths() {
                if by_path
                    .entry(unnamed(&path))
                    .or_default()
                    .insert(spec.method.clone(), served.len())
                    .is_some()
                {
                    return Err(format!("two operations answer [{} {path}]", spec.method));
                }
            }
            let statuses = openapi::statuses(spec);
            let handles = app.telemetry.handles(spec.id, &statuses);
            served.push(Served { operation, handles });
        }
        let mut routes = matchit::Router::new();
        for (path, methods) in by_path {
            routes.insert(path, methods).map_err(|error| error.to_string())?;
        }
        let unrouted = app.telemetry.handles("none", &[404, 405]);
        let around = app.part().ok().cloned();
        Ok(Self { app, operations: served, routes, unrouted, document: OnceLock::new(), around })
    }

    /// The OpenAPI document, as served.
    pub fn document(&self) -> &str {
        self.document.get_or_init(|| {
            let specs = self.operations.iter().map(|served| &*served.operation.spec);
            openapi::document(specs, &self.app.settings).to_string()
        })
    }

    /// The program that it serves.
    pub const fn app(&self) -> &App {
        &self.app
    }

    /// The ids of all operations.
    pub fn operation_ids(&self) -> impl Iterator<Item = &'static str> {
        self.operations.iter().map(|served| served.operation.spec.id)
    }

    /// The schema of an operation's body.
    pub fn body_schema(&self, id: &str) -> Option<Value> {
        let served = self.operations.iter().find(|served| served.operation.spec.id == id)?;
        served.operation.spec.body.map(|(_, schema)| schema())
    }

    /// The service for an HTTP server.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new().fallback(entry).with_state(self)
    }

    async fn answer(&self, peer: IpAddr, cut: &Cut, request: Request<Body>) -> Reply {
        let started = Instant::now();
        let (parts, mut body) = request.into_parts();
        let origin = self.origin(peer, &parts);
        let watch = Watch::begin(self.around.as_ref(), origin.trace);
        let path = parts.uri.path();
        if served_as(&parts.method) == Method::GET
            && let Some(reply) = apidocs::answer(path, || self.document().to_owned())
        {
            return reply;
        }
        if served_as(&parts.method) == Method::GET
            && let Some((content_type, text)) =
                self.app.part::<Arc<Pages>>().ok().and_then(|pages| pages.asset(path))
        {
            return asset(content_type, text.into_owned());
        }
        let mut handles = &self.unrouted;
        let mut family = Family::Identity;
        let mut spec = None;
        let mut principal = Arc::new(Principal::nobody());
        let mut brand = OwnBrand::default();
        let result = match self.find(&parts.method, path) {
            Ok((served, values)) => {
                handles = &served.handles;
                family = served.operation.spec.family;
                spec = Some(&*served.operation.spec);
                let (query, headers) = (parts.uri.query(), &parts.headers);
                let authority = portals::authority(&parts.uri, headers);
                let call = Call { path: values, query, authority, headers, body: &mut body, cut };
                self.call(served, call, &origin, &mut principal, &mut brand).await
            }
            Err(problem) => Err(problem),
        };
        if let Err(Problem::Forbidden(_)) = &result
            && let Ok((served, values)) = self.find(&parts.method, path)
        {
            gate::note_refusal(&self.app, &served.operation.spec, &principal, &values, &origin);
        }
        gate::read_past(&parts.headers, body);
        let (reply, problem) = match result {
            Ok(response) => (success(response), None),
            Err(problem) => {
                let page = spec.map_or_else(|| wants_page(&parts.headers), |spec| spec.page);
                let pages = page.then(|| self.app.part::<Arc<Pages>>().ok()).flatten();
                (failure(&problem, family, &origin, pages.map(|pages| (&**pages, &brand))), Some(problem))
            }
        };
        let finished = Finished {
            at: WallClock::now(&*self.app.wall),
            spec,
            method: &parts.method,
            origin: &origin,
            principal: &principal,
            status: reply.status().as_u16(),
            took: started.elapsed(),
        };
        self.app.telemetry.finish(handles, &finished);
        watch.end();
        if let Some(around) = &self.around {
            around.finished(&finished, problem.as_ref());
        }
        with_headers(reply, origin.trace)
    }

    fn origin(&self, peer: IpAddr, parts: &http::request::Parts) -> Arc<Origin> {
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let forwarded = text(header::HeaderName::from_static("x-forwarded-for"));
        let uri = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        Arc::new(Origin {
            trace: self.app.traces.next(),
            ip: self.app.client_ip(peer, forwarded),
            uri: uri.to_owned(),
            user_agent: text(header::USER_AGENT).unwrap_or_default().chars().take(500).collect(),
        })
    }

    fn find(&self, method: &Method, path: &str) -> Result<(&Served, Vec<String>)> {
        let found = self.routes.at(path).map_err(|_| Problem::NoRoute)?;
        let Some(&index) = found.value.get(served_as(method)) else {
            let mut methods: Vec<&'static str> = found
                .value
                .values()
                .map(|&index| method_name(&self.operations[index].operation.spec.method))
                .collect();
            if methods.contains(&"GET") {
                methods.push("HEAD");
            }
            methods.sort_unstable();
            return Err(Problem::MethodNotAllowed(methods));
        };
        let decode =
            |value: &str| percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned();
        let values = found.params.iter().map(|(_, value)| decode(value)).collect();
        Ok((&self.operations[index], values))
    }

    async fn call(
        &self,
        served: &Served,
        call: Call<'_>,
        origin: &Arc<Origin>,
        caller: &mut Arc<Principal>,
        brand: &mut OwnBrand,
    ) -> Result<Response> {
        let spec = &served.operation.spec;
        let sent = Sent { authority: call.authority, headers: call.headers };
        let site = gate::admit(&self.app, spec, &sent, origin, caller).await?;
        let principal = Arc::clone(caller);
        if spec.page
            && let Some(org) = site.map(|site| site.org).or(principal.org)
        {
            *brand = brand_of(&OrgScope::new(self.app.db.read(), org)).await?;
        }
        let form = spec.page && spec.method == Method::POST;
        let body = if form || spec.body.is_some() {
            gate::read_body(spec, call.headers, call.body).await?
        } else {
            None
        };
        if form {
            pages::check_form(&self.app, spec, call.headers, body.as_ref())?;
        }
        gate::authorize(&self.app.settings, spec, &principal, &call.path)?;
        let mut drop_after = false;
        if let Some(around) = &self.around {
            let (headers, path) = (call.headers, &*call.path);
            let seen = Seen { spec, principal: &principal, origin, headers, path, body: body.as_ref() };
            match around.before(&seen).await? {
                Verdict::Go => {}
                Verdict::Refuse(problem) => return Err(problem),
                Verdict::Answer(response) => return Ok(response),
                Verdict::DropBefore => {
                    call.cut.now();
                    return Ok(Response::empty(503));
                }
                Verdict::DropAfter => drop_after = true,
            }
        }
        let headers = spec.headers.then(|| Arc::new(call.headers.clone()));
        let query = call.query.unwrap_or_default().to_owned();
        let input = RawInput { path: call.path, query, body, headers, brand: brand.clone() };
        let result = self.perform(served, input, &principal, site, origin).await;
        if drop_after {
            call.cut.now();
        }
        result.map(|mut response| {
            if let Some(around) = &self.around {
                around.answered(spec, &principal, &mut response);
            }
            response
        })
    }

    /// Runs an operation's handler in a transaction, again if it lost against another.
    async fn perform(
        &self,
        served: &Served,
        input: RawInput,
        principal: &Arc<Principal>,
        site: Option<Site>,
        origin: &Arc<Origin>,
    ) -> Result<Response> {
        let spec = &served.operation.spec;
        let reads = spec.method == Method::GET && !spec.writes;
        for attempt in 1.. {
            let session = if reads { self.app.db.read() } else { self.app.db.write() };
            let cx = Cx::new(
                self.app.clone(),
                Arc::clone(spec),
                Arc::clone(principal),
                site,
                Arc::clone(origin),
                session,
            );
            let handler = unwinding(served.operation.run(cx.clone(), input.clone()));
            let handled = match &self.around {
                Some(around) => around.within(principal.org, Box::pin(handler)).await,
                None => handler.await,
            };
            let result = match handled {
                Ok(response) => cx.commit().await.map(|()| response),
                Err(Problem::Kept(problem)) => cx.commit().await.and(Err(*problem)),
                Err(problem) => {
                    cx.rollback().await;
                    Err(problem)
                }
            };
            match result {
                Err(Problem::Again) if attempt < ATTEMPTS => {
                    // Spread, so that those who met do not meet again.
                    let spread = self.app.traces.next() % (8 << attempt);
                    tokio::time::sleep(Duration::from_millis(spread)).await;
                }
                result => return result,
            }
        }
        Err(Problem::Again)
    }

    /// Runs an operation as somebody, past the gate: for what the program does by itself, and yet by the rules that
    /// hold for everybody. The reply's body is returned, null if it has none.
    pub async fn act(
        &self,
        id: &str,
        principal: &Arc<Principal>,
        path: Vec<String>,
        query: String,
        body: Option<Value>,
    ) -> Result<Value> {
        let served = self.operations.iter().find(|served| served.operation.spec.id == id);
        let served = served.ok_or_else(|| Problem::internal(format!("no operation is called [{id}]")))?;
        let origin = Arc::new(Origin {
            trace: self.app.traces.next(),
            ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            uri: served.operation.spec.path.to_owned(),
            user_agent: String::new(),
        });
        let headers = served.operation.spec.headers.then(Arc::default);
        let input = RawInput { path, query, body, headers, brand: OwnBrand::default() };
        let response = self.perform(served, input, principal, None, &origin).await?;
        match response.body {
            Some((_, bytes)) => {
                serde_json::from_slice(&bytes).map_err(|error| Problem::Internal(Box::new(error)))
            }
            None => Ok(Value::Null),
        }
    }
}

/// What a request brought.
struct Call<'r> {
    path: Vec<String>,
    query: Option<&'r str>,
    authority: &'r str,
    headers: &'r HeaderMap,
    body: &'r mut Body,
    cut: &'r Cut,
}

async fn entry(State(server): State<Arc<Server>>, request: Request<Body>) -> Reply {
    let peer = request.extensions().get::<ConnectInfo<Peer>>();
    let (ip, cut) = match peer {
        Some(ConnectInfo(Peer { address, cut })) => (address.ip(), cut.clone()),
        None => (IpAddr::V4(Ipv4Addr::UNSPECIFIED), Cut::default()),
    };
    server.answer(ip, &cut, request).await
}

/// Runs a handler; a panic becomes a fault of ours and not a broken connection.
async fn unwinding(mut future: BoxFuture<'static, Result<Response>>) -> Result<Response> {
    std::future::poll_fn(move |context| {
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        polled.unwrap_or_else(|_| Poll::Ready(Err(Problem::internal("a handler panicked"))))
    })
    .await
}

/// The router wants one name per place, the contract has several.
fn unnamed(path: &str) -> String {
    let segments = path.split('/').enumerate();
    let named = segments
        .map(|(n, segment)| if segment.starts_with('{') { format!("{{p{n}}}") } else { segment.to_owned() });
    named.collect::<Vec<_>>().join("/")
}

/// Whether a browser asks, on behalf of a person.
fn wants_page(headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepts.is_some_and(|accepts| accepts.contains("text/html"))
}

/// HEAD is GET without the body (RFC 9110 section 9.3.2); the HTTP library leaves the body out.
fn served_as(method: &Method) -> &Method {
    if method == Method::HEAD { &Method::GET } else { method }
}

const fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "",
    }
}

fn success(response: Response) -> Reply {
    let Response { status, body, headers } = response;
    let mut reply = match body {
        None => http::Response::new(Body::empty()),
        Some((content_type, bytes)) => {
            let mut reply = http::Response::new(Body::from(bytes));
            reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
            reply
        }
    };
    *reply.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    for (name, value) in headers {
        reply.headers_mut().append(name, value);
    }
    reply
}

/// A file that never changes under its name.
fn asset(content_type: &'static str, text: String) -> Reply {
    let mut reply = http::Response::new(Body::from(text));
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply
}

fn failure(problem: &Problem, family: Family, origin: &Origin, pages: Option<(&Pages, &OwnBrand)>) -> Reply {
    if let Problem::Internal(source) = problem {
        tracing::error!(trace = origin.trace, error = chain(&**source), "internal fault");
    }
    let rendered = problem.render(family, origin.trace);
    let page = pages.and_then(|(pages, brand)| pages.error(problem, origin.trace, brand).ok());
    let content_type = if page.is_some() { pages::HTML } else { rendered.content_type };
    let mut reply = http::Response::new(Body::from(page.unwrap_or_else(|| rendered.body.to_string())));
    if pages.is_some() {
        reply.headers_mut().extend(pages::headers());
    }
    *reply.status_mut() =
        http::StatusCode::from_u16(rendered.status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(seconds) = rendered.retry_after {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    if let Some(Ok(allow)) = rendered.allow.as_deref().map(HeaderValue::from_str) {
        headers.insert(header::ALLOW, allow);
    }
    if rendered.status == 401 {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    reply
}

fn with_headers(mut reply: Reply, trace: u64) -> Reply {
    let headers = reply.headers_mut();
    headers.insert("x-request-id", trace.into());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}
