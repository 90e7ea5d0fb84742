//! The comparison itself: each kind of difference is found, and nothing else is.

use serde_json::{Value, json};

use super::{
    compare::{Finding, compare},
    differences::{judge, parse},
    document::Facts,
    published::in_lines,
};

/// A small contract, in the dialect of the published documents.
fn contract() -> Value {
    json!({
        "openapi": "3.0.2",
        "info": { "version": "1.0.0" },
        "servers": [{ "url": "https://identity.test/v3" }],
        "paths": { "/pots/{potId}": {
            "parameters": [{ "name": "potId", "in": "path", "required": true, "schema": { "type": "string" } }],
            "patch": {
                "operationId": "update-pot",
                "parameters": [
                    { "name": "page[size]", "in": "query", "schema": { "type": "integer", "maximum": 50 } },
                    { "name": "filter", "in": "query", "style": "deepObject", "schema": { "type": "object", "properties": {
                        "name": { "properties": { "eq": { "type": "string" }, "contains": { "type": "string" } } },
                        "full": { "type": "boolean" },
                        "labels": { "type": "object", "additionalProperties": { "properties": { "eq": {} } } },
                    } } },
                ],
                "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Update" } } } },
                "responses": {
                    "200": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Pot" } } } },
                    "404": { "content": { "application/problem+json": { "schema": { "type": "object" } } } },
                },
            },
        } },
        "components": { "schemas": {
            "Update": { "type": "object", "required": ["name"], "properties": {
                "name": { "type": "string", "minLength": 1, "maxLength": 9 },
                "note": { "type": "string", "nullable": true },
                "color": { "type": "string", "enum": ["red", "blue"] },
                "seen": { "type": "string", "readOnly": true },
                "lids": { "type": "array", "items": { "type": "string" } },
                "labels": { "type": "object", "additionalProperties": { "type": "string", "nullable": true } },
                "soil": { "oneOf": [{ "$ref": "#/components/schemas/Clay" }, { "$ref": "#/components/schemas/Sand" }] },
            } },
            "Clay": { "type": "object", "additionalProperties": false, "required": ["wet"],
                "properties": { "wet": { "type": "boolean" }, "key": { "type": "string", "writeOnly": true } } },
            "Sand": { "type": "object", "additionalProperties": false, "properties": { "grain": { "type": "number" } } },
            "Base": { "type": "object", "properties": { "id": { "type": "string", "format": "uuid" } } },
            "Pot": { "allOf": [{ "$ref": "#/components/schemas/Base" }, { "type": "object", "required": ["id"], "properties": {
                "note": { "type": "string", "nullable": true },
                "color": { "type": "string", "enum": ["red", "blue"] },
                "count": { "type": "number" },
                "size": { "type": "integer" },
                "soil": { "oneOf": [{ "$ref": "#/components/schemas/Clay" }, { "$ref": "#/components/schemas/Sand" }] },
                "inner": { "$ref": "#/components/schemas/Pot" },
            } }] },
        } },
    })
}

/// The same in the dialect of the served document, in other words, with some of its freedoms.
fn served() -> Value {
    json!({
        "openapi": "3.1.0",
        "paths": { "/v3/pots/{potId}": { "patch": {
            "operationId": "update-pot",
            "parameters": [
                { "$ref": "#/components/parameters/potId" },
                { "name": "page[size]", "in": "query", "schema": { "type": ["integer"], "maximum": 100 } },
                { "name": "filter", "in": "query", "schema": { "type": "object", "properties": {
                    "name": { "anyOf": [{ "type": "string" }, { "type": "object", "properties": {
                        "eq": { "type": "string" }, "contains": { "type": "string" }, "neq": { "type": "string" } } }] },
                    "full": { "type": "boolean" },
                    "labels": { "type": "object", "additionalProperties": { "type": "object", "properties": { "eq": {} } } },
                } } },
            ],
            "requestBody": { "required": true, "content": { "application/json": { "schema": {
                "type": "object", "description": "Words.", "required": ["name"], "properties": {
                    "name": { "type": "string", "pattern": r"^[\w \W]+$", "maxLength": 10 },
                    "note": { "type": ["string", "null"] },
                    "color": { "oneOf": [{ "const": "red" }, { "const": "blue" }, { "const": "green", "description": "New." }] },
                    "lids": { "type": ["array", "null"], "items": { "type": "string" } },
                    "labels": { "type": "object", "additionalProperties": { "type": ["string", "null"] } },
                    "soil": { "$ref": "#/components/schemas/Soil" },
                    "extra": { "type": "string" },
                },
            } } } },
            "responses": {
                "200": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Pot" } } } },
                "400": { "content": { "application/problem+json": { "schema": {} } } },
                "404": { "content": { "application/problem+json": { "schema": {} } } },
            },
        } } },
        "components": {
            "parameters": {
                "potId": { "name": "potId", "in": "path", "required": true, "schema": { "type": "string" } },
            },
            "schemas": {
                "Soil": { "anyOf": [
                    { "type": "object", "additionalProperties": false, "required": ["wet"],
                      "properties": { "wet": { "type": "boolean" }, "key": { "type": "string", "writeOnly": true } } },
                    { "type": "object", "additionalProperties": false, "properties": { "grain": { "type": "number" } } },
                ] },
                "Pot": { "type": "object", "required": ["id", "note"], "properties": {
                    "id": { "type": "string", "format": "uuid" },
                    "note": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
                    "color": { "type": "string", "enum": ["red"] },
                    "count": { "type": "integer" },
                    "size": { "type": "integer" },
                    "soil": { "$ref": "#/components/schemas/Soil" },
                    "inner": { "$ref": "#/components/schemas/Pot" },
                    "extra": { "type": "string" },
                } },
            },
        },
    })
}

const OPERATION: &str = "/paths/~1v3~1pots~1{potId}/patch";
const BODY: &str = "/requestBody/content/application~1json/schema";

/// The findings after a value of the served document was replaced.
fn replaced(document: &mut Value, pointer: &str, value: Value) -> Vec<Finding> {
    *document.pointer_mut(pointer).unwrap_or_else(|| panic!("nothing at {pointer}")) = value;
    compare(&Facts::read(&contract(), None), &Facts::read(document, None))
}

/// The places of the findings after a value below `root` was replaced.
fn places(root: &str, below: &str, value: Value) -> Vec<String> {
    let findings = replaced(&mut served(), &format!("{root}{below}"), value);
    findings.into_iter().map(|it| it.gap.at).collect()
}

fn in_body(below: &str, value: Value) -> Vec<String> {
    places(&format!("{OPERATION}{BODY}"), below, value)
}

fn in_pot(below: &str, value: Value) -> Vec<String> {
    places("/components/schemas/Pot", below, value)
}

fn in_operation(below: &str, value: Value) -> Vec<String> {
    places(OPERATION, below, value)
}

#[test]
fn a_document_that_keeps_the_contract_has_no_findings() {
    assert_eq!(in_operation("/operationId", json!("update-pot")), [""; 0]);
}

#[test]
fn a_missing_or_moved_operation_is_found() {
    let renamed = replaced(&mut served(), &format!("{OPERATION}/operationId"), json!("patch-pot"));
    let lines: Vec<_> = renamed.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        ["update-pot  operation#missing: PATCH /v3/pots/{potId} is served with the id patch-pot"]
    );

    let item = served()["paths"]["/v3/pots/{potId}"].take();
    assert_eq!(places("/paths", "", json!({ "/v3/pot/{potId}": item })), ["operation#path"]);
    let patch = served().pointer_mut(OPERATION).unwrap().take();
    assert_eq!(places("/paths", "", json!({ "/v3/pots/{potId}": { "put": patch } })), ["operation#method"]);
    assert_eq!(places("/paths", "", json!({})), ["operation#missing"]);
}

#[test]
fn a_narrower_parameter_is_found() {
    let list = |it: Vec<String>| it.join(" ");
    assert_eq!(list(in_operation("/parameters/1/schema/maximum", json!(49))), "query/page[size]#maximum");
    assert_eq!(
        list(in_operation("/parameters/1/schema", json!({ "type": "integer", "minimum": 1 }))),
        "query/page[size]#minimum"
    );
    assert_eq!(list(in_operation("/parameters/1/schema/type", json!("string"))), "query/page[size]#type");
    assert_eq!(list(in_operation("/parameters/1/name", json!("size"))), "query/page[size]#missing");
    let wanted = json!({ "name": "x", "in": "query", "required": true, "schema": {} });
    assert_eq!(list(in_operation("/parameters/1", wanted)), "query/page[size]#missing query/x#required");
    let uuid = json!({ "type": "string", "format": "uuid" });
    assert_eq!(list(places("/components/parameters/potId", "/schema", uuid)), "path/potId#format");
}

#[test]
fn a_missing_filter_is_found() {
    let filter = "/parameters/2/schema/properties";
    let contains = json!({ "type": "object", "properties": { "contains": {} } });
    assert_eq!(in_operation(&format!("{filter}/name"), contains), ["query/filter/name/eq#missing"]);
    assert_eq!(
        in_operation(&format!("{filter}/full"), json!({ "type": "object", "properties": { "eq": {} } })),
        ["query/filter/full/#missing"]
    );
    assert_eq!(
        in_operation(&format!("{filter}/labels/additionalProperties"), json!({ "type": "string" })),
        ["query/filter/labels.*/eq#missing"]
    );
    assert_eq!(
        in_operation(
            filter,
            json!({ "name": { "type": "object", "properties": { "eq": {}, "contains": {} } } })
        ),
        ["query/filter/full#missing", "query/filter/labels.*#missing"]
    );
}

#[test]
fn a_body_that_accepts_less_is_found() {
    assert_eq!(in_body("/properties/lids", json!(true)), [""; 0]);
    assert_eq!(in_body("/properties/name/maxLength", json!(8)), ["request/name#maxLength"]);
    assert_eq!(
        in_body("/properties/name", json!({ "type": "string", "minLength": 2 })),
        ["request/name#minLength"]
    );
    assert_eq!(
        in_body("/properties/name", json!({ "type": "string", "pattern": "^a" })),
        ["request/name#pattern"]
    );
    assert_eq!(in_body("/properties/note/type", json!("string")), ["request/note#nullable"]);
    assert_eq!(
        in_body("/properties/note", json!({ "type": ["string", "null"], "enum": ["a", null] })),
        ["request/note#enum"]
    );
    assert_eq!(in_body("/properties/color", json!({ "enum": ["blue"] })), ["request/color#enum/red"]);
    assert_eq!(in_body("/properties/lids/items/type", json!("integer")), ["request/lids/[]#type"]);
    assert_eq!(
        in_body("/properties/lids", json!({ "type": "array", "uniqueItems": true, "maxItems": 5 })),
        ["request/lids#maxItems", "request/lids#uniqueItems"]
    );
    assert_eq!(
        in_body("/properties/labels/additionalProperties/type", json!("string")),
        ["request/labels/*#nullable"]
    );
    assert_eq!(in_body("/properties", json!({ "name": true })).len(), 5);
    assert_eq!(in_body("/required", json!(["name", "note"])), ["request/note#required"]);
    assert_eq!(in_body("/required", json!([])), ["request/name#optional"]);
    assert_eq!(in_body("", json!({ "type": "array" })), ["request#type"]);
    assert_eq!(in_operation("/requestBody", json!({ "content": { "text/plain": {} } })), ["request#content"]);
}

#[test]
fn a_body_that_is_required_needlessly_is_found() {
    let mut relaxed = contract();
    relaxed["components"]["schemas"]["Update"]["required"] = json!([]);
    let mut served = served();
    served.pointer_mut(&format!("{OPERATION}{BODY}")).unwrap()["required"] = json!([]);
    let findings = compare(&Facts::read(&relaxed, None), &Facts::read(&served, None));
    assert_eq!(findings.iter().map(|it| it.gap.at.as_str()).collect::<Vec<_>>(), ["request#required"]);
}

#[test]
fn one_of_several_forms_is_compared_with_its_like() {
    let clay = "/anyOf/0/properties/wet/type";
    assert_eq!(
        places("/components/schemas/Soil", clay, json!("string")),
        ["request/soil<1>/wet#type", "responses/200/soil<1>/wet#type"]
    );
    let sand = json!([{ "type": "object", "additionalProperties": false, "properties": { "grain": { "type": "number" } } }]);
    assert_eq!(
        places("/components/schemas/Soil", "/anyOf", sand),
        ["request/soil<1>/key#missing", "request/soil<1>/wet#missing", "responses/200/soil<1>#missing"]
    );
    let both = json!({ "type": "object", "additionalProperties": false, "properties": {
        "wet": { "type": "boolean" }, "key": { "type": "string" }, "grain": { "type": "number" } } });
    assert_eq!(in_body("/properties/soil", both), ["request/soil<1>/wet#optional"]);
}

#[test]
fn open_and_closed_objects_are_told_apart() {
    let soil = "/anyOf/1/additionalProperties";
    assert_eq!(
        places("/components/schemas/Soil", soil, json!(true)),
        ["request/soil<2>#closed", "responses/200/soil<2>#closed"]
    );
    let grains = json!({ "grain": { "type": "number" }, "dust": {} });
    assert_eq!(
        places("/components/schemas/Soil", "/anyOf/1/properties", grains),
        ["request/soil<2>/dust#extra", "responses/200/soil<2>/dust#extra"]
    );
    let map = json!({ "type": "object", "additionalProperties": { "type": "string" }, "required": ["name"] });
    assert!(in_body("", map).contains(&"request/*#type".to_owned()));
}

#[test]
fn a_response_that_says_more_is_found() {
    assert_eq!(
        in_pot("/properties/size", json!({ "type": ["integer", "null"] })),
        ["responses/200/size#nullable"]
    );
    assert_eq!(in_pot("/properties/size", json!({ "type": "number" })), ["responses/200/size#type"]);
    assert_eq!(
        in_pot("/properties/size", json!({ "type": ["integer", "string"] })),
        ["responses/200/size#type"]
    );
    assert_eq!(
        in_pot("/properties/size", json!({})),
        ["responses/200/size#nullable", "responses/200/size#type"]
    );
    assert_eq!(
        in_pot("/properties/color", json!({ "enum": ["red", "green"] })),
        ["responses/200/color#enum/green"]
    );
    assert_eq!(in_pot("/properties/color", json!({ "type": "string" })), ["responses/200/color#enum"]);
    assert_eq!(in_pot("/properties/id", json!({ "type": "string" })), ["responses/200/id#format"]);
    assert_eq!(in_pot("/properties", json!({ "id": { "type": "string", "format": "uuid" } })).len(), 6);
    assert_eq!(in_pot("/required", json!([])), ["responses/200/id#optional"]);
}

#[test]
fn statuses_and_content_types_are_compared() {
    let ok =
        json!({ "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Pot" } } } });
    let problem = json!({ "content": { "application/problem+json": {} } });
    let list = |it: Vec<String>| it.join(" ");
    let answers = |it: Value| list(in_operation("/responses", it));
    assert_eq!(answers(json!({ "200": ok, "default": problem })), "responses/404#missing");
    assert_eq!(answers(json!({ "200": ok, "202": {}, "404": problem })), "responses/202#extra");
    assert_eq!(answers(json!({ "404": problem })), "responses/200#missing");
    assert_eq!(answers(json!({ "200": {}, "404": problem })), "responses/200#content");
    assert_eq!(answers(json!({ "200": ok, "404": ok })), "responses/404#content");
    assert_eq!(answers(json!({ "200": ok, "404": problem, "409": {} })), "responses/409#content");
}

#[test]
fn what_is_not_understood_is_found() {
    assert_eq!(
        in_body("/properties/name", json!({ "type": "string", "not": { "const": "x" } })),
        ["request#not"]
    );
    assert_eq!(
        in_pot("/properties/size", json!({ "$ref": "#/components/schemas/Size" }))[0],
        "responses/200#$ref #/components/schemas/Size"
    );
}

#[test]
fn only_meant_differences_are_accepted_and_only_while_they_last() {
    let findings =
        replaced(&mut served(), &format!("{OPERATION}{BODY}/properties/color"), json!({ "enum": ["blue"] }));
    let judge = |operation: Value, place: &str| {
        let list = json!([{ "operation": operation, "where": place, "reason": "We like blue." }]);
        let (open, stale) = judge(&findings, &parse(&list).unwrap());
        (open.len(), stale)
    };
    let none = Vec::<String>::new;
    assert_eq!(judge(json!("update-pot"), "request/color#enum/red"), (0, none()));
    assert_eq!(judge(json!("*"), "request/color#enum/red"), (0, none()));
    assert_eq!(judge(json!("update-pot"), "request/**"), (0, none()));
    assert_eq!(
        judge(json!("update-pot"), "request/col/**"),
        (1, vec!["update-pot  request/col/**".to_owned()])
    );
    assert_eq!(judge(json!("*"), "request/color#enum"), (1, vec!["*  request/color#enum".to_owned()]));
    assert_eq!(
        judge(json!(["update-pot", "other"]), "request/color#enum/red"),
        (0, vec!["other  request/color#enum/red".to_owned()])
    );
}

#[test]
fn a_difference_needs_a_reason() {
    for entry in [
        json!({ "operation": "a", "where": "b" }),
        json!({ "operation": "a", "where": "b", "reason": "" }),
        json!({ "operation": [], "where": "b", "reason": "Of course." }),
        json!({ "operation": "a", "where": "", "reason": "Of course." }),
        json!({ "operation": "a", "where": "b", "reason": "Of course.", "until": "then" }),
    ] {
        assert!(parse(&json!([entry])).is_err(), "{entry}");
    }
}

#[test]
fn facts_survive_writing_and_reading() {
    let facts = Facts::read(&contract(), None);
    let text = in_lines(&facts.to_json());
    let again = Facts::read(&serde_json::from_str(&text).unwrap(), None);
    assert_eq!(facts, again);
    assert!(text.contains("\"operationId\": \"update-pot\""), "{text}");
    assert!(!text.contains("readOnly") && !text.contains("seen"), "{text}");
}
