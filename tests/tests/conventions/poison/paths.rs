//! Path parameters that name nothing.

use http::Method;
use tests::{Engine, on_both};

use crate::{
    findings::Findings,
    good, operations,
    operations::Operation,
    world::{NOBODY, Request, World},
};

/// Values that are no UUIDs, as the request line has them.
const MALFORMED: [(&str, &str); 14] = [
    ("a word", "not-a-uuid"),
    ("a number", "1"),
    ("NUL", "%00"),
    ("a UUID and NUL", "7f9fd312-a987-4628-b4c5-bb4f4fddd5f7%00"),
    ("bytes that are not UTF-8", "%ff%fe"),
    ("an overlong NUL", "%c0%80"),
    ("a lone percent sign", "%zz"),
    ("a way up", "..%2f..%2fetc%2fpasswd"),
    ("a blank", "%20"),
    ("a star", "*"),
    ("no hyphens", "7f9fd312a9874628b4c5bb4f4fddd5f7"),
    ("braces", "%7B7f9fd312-a987-4628-b4c5-bb4f4fddd5f7%7D"),
    ("SQL", "'%20OR%201=1--"),
    ("an emoji", "%F0%9F%94%91"),
];

/// Operations that only the user whom the path names may call: a name that is not the caller's is
/// refused before anybody looks whether it means something.
const SELF_ONLY: [&str; 2] = ["create-personal-access-token", "update-personal-access-token-details"];

/// What an operation answers to a parameter that is malformed, or else unknown: status and field.
fn answer(operation: &Operation, parameter: &str, malformed: bool) -> (u16, Vec<String>) {
    if parameter == "userId" && SELF_ONLY.contains(&operation.id.as_str()) {
        return (403, vec![]);
    }
    match operation.malformed(parameter).filter(|_| malformed) {
        Some(field) => (400, vec![field]),
        None => (404, vec![]),
    }
}

/// Bodies for an operation: a good one, so that the path alone is wrong, and one without any field,
/// since whether a thing exists is asked before its fields are read.
fn bodies(world: &World, operation: &Operation) -> Vec<Vec<u8>> {
    if operation.body.is_none() {
        return vec![vec![]];
    }
    let good = good::bodies(world, operation).remove(0).1;
    vec![good.to_string().into_bytes(), b"{}".to_vec()]
}

on_both! {
    /// A parameter that is malformed or unknown is refused, each in the way of its operation.
    async fn a_path_that_names_nothing(engine: Engine) {
        let world = World::new(engine).await;
        let before = world.state().await;
        let mut findings = Findings::default();
        let long = "a".repeat(5000);
        for operation in operations::all() {
            for parameter in operation.path_parameters() {
                let values =
                    MALFORMED.iter().copied().chain([("5000 characters", &*long)]).map(|it| (it, true));
                for ((what, value), malformed) in values.chain([(("an unknown UUID", NOBODY), false)]) {
                    let path = world.path_with(operation, Some((parameter, value)));
                    let (status, fields) = answer(operation, parameter, malformed);
                    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
                    for body in bodies(&world, operation) {
                        let what = format!("{parameter} is {what}");
                        let headers: &[_] = if body.is_empty() { &[] } else { crate::world::JSON };
                        let request = Request { what: &what, path: &path, headers, body };
                        world.refused(&mut findings, operation, request, status, &fields).await;
                    }
                }
            }
        }
        world.unchanged(&mut findings, &before).await;
        findings.end();
    }
}

on_both! {
    /// A UUID is one in capitals, too.
    async fn a_uuid_in_capitals(engine: Engine) {
        let world = World::new(engine).await;
        let mut findings = Findings::default();
        for operation in
            operations::all().iter().filter(|it| it.method == Method::GET && it.path.contains("{teamId}"))
        {
            let team = world.parameter(&operation.path, "teamId").to_uppercase();
            let path = world.path_with(operation, Some(("teamId", &team)));
            let reply = world.call(operation, Request::plain("", &path)).await;
            findings.want(reply.is_ok_and(|reply| reply.status == 200), || operation.id.clone());
        }
        findings.end();
    }
}
