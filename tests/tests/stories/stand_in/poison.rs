//! Whatever is sent to the stand-in itself is answered with a clear problem or done; nothing breaks it.

use http::Method;
use serde_json::{Value, json};
use tests::{Engine, TestStandIn, on_both};

/// What no field expects.
fn poison() -> Vec<Value> {
    let deep = (0..60).fold(json!(1), |inner, _| json!([inner]));
    vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(1e308),
        json!(9_223_372_036_854_775_807_i64),
        json!(""),
        json!("\u{0}"),
        json!("x".repeat(5000)),
        json!("9999-12-31T23:59:59Z"),
        json!("0001-01-01T00:00:00Z"),
        json!([]),
        json!([null, 1, "a", {}]),
        json!({}),
        json!({ "a": { "b": [] } }),
        deep,
    ]
}

/// Every place in a body that has this schema, by the names that lead there; lists are stepped into.
fn places(schema: &Value, path: &[String], found: &mut Vec<Vec<String>>) {
    let forms = ["oneOf", "anyOf"].iter().filter_map(|key| schema[key].as_array()).flatten();
    for form in std::iter::once(schema).chain(forms) {
        for (name, inner) in form["properties"].as_object().into_iter().flatten() {
            let path = [path, std::slice::from_ref(name)].concat();
            found.push(path.clone());
            places(inner, &path, found);
            if inner["items"].is_object() {
                let path = [path.as_slice(), &["0".to_owned()]].concat();
                places(&inner["items"], &path, found);
            }
        }
    }
}

/// A body with this value in a place, and with nothing else.
fn body(path: &[String], value: &Value) -> Value {
    path.iter()
        .rev()
        .fold(value.clone(), |inner, name| if name == "0" { json!([inner]) } else { json!({ name: inner }) })
}

on_both! {
    /// Each field of each operation, with what it does not expect.
    async fn nothing_breaks_it(engine: Engine) {
        let standin = TestStandIn::new(engine).await;
        let suite = standin.any_suite().await;
        let commands = standin.commands.unchecked();
        let operations = standin::operations();
        let mut asked = 0;
        for spec in operations.iter().map(|operation| &operation.spec).filter(|spec| spec.path.starts_with("/stand-in")) {
            for id in [suite.id.as_str(), "x", "%00", "0197a3f2-6c1e-7d33-9a44-2f6f0e8b1c55"] {
                let path = spec.path.replace("{organizationId}", id).replace("{name}", id);
                if spec.method == Method::DELETE && id == suite.id && !path.ends_with("/clock") && !path.ends_with("/faults") {
                    continue;
                }
                let mut bodies = vec![json!({}), json!([]), json!("x")];
                if let Some((_, schema)) = spec.body {
                    let mut found = Vec::new();
                    places(&schema(), &[], &mut found);
                    assert!(!found.is_empty(), "{}", spec.id);
                    // One path is enough for the fields.
                    if id == suite.id {
                        bodies.extend(found.iter().flat_map(|path| poison().into_iter().map(|value| body(path, &value))));
                    }
                }
                for body in bodies {
                    // Answers may be good, as that of an empty seed is.
                    let answer = commands.call(spec.method.clone(), &path, Some(body.clone())).await;
                    let status = answer.status.as_u16();
                    assert!(status < 500, "{} {path} {body}: {}", spec.method, answer.text);
                    if status >= 400 && !spec.page {
                        assert_eq!(answer.body["status"], status, "{} {path} {body}: {}", spec.method, answer.text);
                    }
                    asked += 1;
                    if asked % 100 == 0 {
                        standin.commands.delete("/stand-in/faults").await.expect(204);
                        standin.commands.delete(&format!("/stand-in/organizations/{}/clock", suite.id)).await;
                    }
                }
                if spec.path == "/stand-in/reset" || spec.path == "/stand-in/seed" {
                    break;
                }
            }
        }
        assert!(asked > 1500, "{asked}");
    }
}
