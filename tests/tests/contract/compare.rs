//! Compares the served document with the contract, operation by operation.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{
    document::{Body, Content, Facts, Operation},
    fit::{Gap, gaps},
    schema::Side,
    shape::{Kind, Shape},
};

/// The content type of every error.
const PROBLEM: &str = "application/problem+json";

/// A difference between the served document and the contract.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The id of the operation.
    pub operation: String,
    /// The place within the operation and the difference.
    pub gap: Gap,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}: {}", self.operation, self.gap.at, self.gap.what)
    }
}

/// All differences, in order.
pub fn compare(contract: &Facts, served: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, theirs) in &contract.operations {
        let mut found = Vec::new();
        match served.operations.get(id) {
            None => found.push(missing(theirs, served)),
            Some(mine) => operation(theirs, mine, &mut found),
        }
        found.sort();
        found.dedup();
        findings.extend(found.into_iter().map(|gap| Finding { operation: id.clone(), gap }));
    }
    findings
}

fn missing(theirs: &Operation, served: &Facts) -> Gap {
    let same_call = |it: &&Operation| it.method == theirs.method && it.path == theirs.path;
    let namesake = served.operations.iter().find(|(_, it)| same_call(it)).map(|(id, _)| id);
    let call = format!("{} {}", theirs.method.to_uppercase(), theirs.path);
    let what = match namesake {
        None => format!("{call} is not served"),
        Some(id) => format!("{call} is served with the id {id}"),
    };
    Gap::new("operation", "missing", what)
}

fn operation(theirs: &Operation, mine: &Operation, found: &mut Vec<Gap>) {
    if theirs.method != mine.method {
        let what = format!("served as {}, but {} in the contract", mine.method, theirs.method);
        found.push(Gap::new("operation", "method", what));
    }
    if theirs.path != mine.path {
        let what = format!("served at {}, but at {} in the contract", mine.path, theirs.path);
        found.push(Gap::new("operation", "path", what));
    }
    let unread = |it: &String| Gap {
        at: it.clone(),
        what: "this comparison does not understand the keyword".to_owned(),
    };
    found.extend(mine.unread.iter().map(unread));
    parameters(theirs, mine, found);
    request(theirs.body.as_ref(), mine.body.as_ref(), found);
    responses(&theirs.responses, &mine.responses, found);
}

fn parameters(theirs: &Operation, mine: &Operation, found: &mut Vec<Gap>) {
    for (key, parameter) in &theirs.parameters {
        let at = format!("{}/{}", key.0, key.1);
        if let Some(condition) = key.1.strip_prefix("filter[")
            && !mine.parameters.contains_key(key)
        {
            flat_filter(&at, condition, mine, found);
            continue;
        }
        let Some(served) = mine.parameters.get(key) else {
            found.push(Gap::new(&at, "missing", "the contract has this parameter"));
            continue;
        };
        if key.1 == "filter" {
            filter(&at, &parameter.shape, &served.shape, found);
        } else {
            found.extend(gaps(Side::Parameter, &at, &parameter.shape, &served.shape));
        }
    }
    for (key, served) in &mine.parameters {
        let known = theirs.parameters.get(key).is_some_and(|it| it.required);
        if key.0 != "path" && served.required && !known {
            found.push(Gap::new(
                &format!("{}/{}", key.0, key.1),
                "required",
                "required, but not so in the contract",
            ));
        }
    }
}

/// A filter is compared by its fields and operators: their values are text on the wire anyway.
fn filter(at: &str, theirs: &Shape, mine: &Shape, found: &mut Vec<Gap>) {
    let mine = fields(mine);
    for (field, operators) in fields(theirs) {
        let at = format!("{at}/{field}");
        match mine.get(&field) {
            None => found.push(Gap::new(&at, "missing", "the contract has this filter field")),
            Some(served) => found.extend(operators.difference(served).map(|operator| {
                let what = match operator.as_str() {
                    "" => "the field takes no value without an operator",
                    _ => "the contract has this operator",
                };
                Gap::new(&format!("{at}/{operator}"), "missing", what)
            })),
        }
    }
}

/// A document may declare each field and operator of a filter as a parameter of its own: `field]` or
/// `field][operator]` behind `filter[`.
fn flat_filter(at: &str, condition: &str, mine: &Operation, found: &mut Vec<Gap>) {
    let condition = condition.trim_end_matches(']');
    let (field, operator) = condition.split_once("][").unwrap_or((condition, ""));
    let served = mine.parameters.get(&("query".to_owned(), "filter".to_owned()));
    let served = served.map(|parameter| fields(&parameter.shape)).unwrap_or_default();
    if !served.get(field).is_some_and(|operators| operators.contains(operator)) {
        found.push(Gap::new(at, "missing", "the contract has this filter"));
    }
}

/// The fields of a filter with their operators; the empty operator is a value without one. The
/// keys of a map, such as labels, are the field `<map>.*`.
fn fields(filter: &Shape) -> BTreeMap<String, BTreeSet<String>> {
    let mut fields = BTreeMap::new();
    for form in &filter.forms {
        for (name, shape) in &form.properties {
            for form in &shape.forms {
                if let Some(rest) = form.rest.as_deref() {
                    fields.insert(format!("{name}.*"), operators(rest));
                }
            }
            let operators = operators(shape);
            if !operators.is_empty() {
                fields.insert(name.clone(), operators);
            }
        }
    }
    fields
}

fn operators(field: &Shape) -> BTreeSet<String> {
    let mut operators = BTreeSet::new();
    for form in &field.forms {
        match form.kind {
            Kind::Object => operators.extend(form.properties.keys().cloned()),
            _ => drop(operators.insert(String::new())),
        }
    }
    operators
}

fn request(theirs: Option<&Body>, mine: Option<&Body>, found: &mut Vec<Gap>) {
    let at = "request";
    match (theirs, mine) {
        (None, None) => {}
        (Some(_), None) => found.push(Gap::new(at, "missing", "the contract has a request body")),
        (None, Some(mine)) if mine.required => {
            found.push(Gap::new(at, "required", "a body is required, but the contract has none"));
        }
        (None, Some(_)) => {}
        (Some(theirs), Some(mine)) => {
            if mine.required && !theirs.required && may_be_empty(&theirs.content) {
                found.push(Gap::new(at, "required", "a body is required, but not so in the contract"));
            }
            for (media_type, shape) in &theirs.content {
                match mine.content.get(media_type) {
                    None => found.push(Gap::new(at, "content", format!("{media_type} is not accepted"))),
                    Some(served) => found.extend(gaps(Side::Request, at, shape, served)),
                }
            }
        }
    }
}

/// Whether a body with nothing in it is valid. Only then does a body that may be left out mean
/// something: the contract never says `required` of a body, not even where it requires fields.
fn may_be_empty(content: &Content) -> bool {
    let mut forms = content.values().flat_map(|shape| &shape.forms);
    forms.any(|form| form.required.is_empty() && form.limits.get("minProperties").is_none_or(|it| *it == 0))
}

fn responses(theirs: &BTreeMap<u16, Content>, mine: &BTreeMap<u16, Content>, found: &mut Vec<Gap>) {
    for (status, content) in theirs {
        let at = format!("responses/{status}");
        match mine.get(status) {
            None => found.push(Gap::new(&at, "missing", "the contract has this status")),
            Some(served) if *status < 400 => success(&at, content, served, found),
            Some(_) => {}
        }
    }
    for (status, served) in mine {
        let at = format!("responses/{status}");
        if *status < 400 && !theirs.contains_key(status) {
            found.push(Gap::new(&at, "extra", "the contract does not have this success"));
        }
        if *status >= 400 && !served.keys().eq([PROBLEM]) {
            let types: Vec<&str> = served.keys().map(String::as_str).collect();
            let what = format!("an error is {PROBLEM}, not [{}]", types.join(", "));
            found.push(Gap::new(&at, "content", what));
        }
    }
}

fn success(at: &str, theirs: &Content, mine: &Content, found: &mut Vec<Gap>) {
    if !theirs.keys().eq(mine.keys()) {
        let list = |content: &Content| content.keys().cloned().collect::<Vec<_>>().join(", ");
        let what = format!("served as [{}], but [{}] in the contract", list(mine), list(theirs));
        found.push(Gap::new(at, "content", what));
    }
    for (media_type, shape) in theirs {
        if let Some(served) = mine.get(media_type) {
            found.extend(gaps(Side::Response, at, shape, served));
        }
    }
}
