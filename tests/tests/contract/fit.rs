//! Does a served shape fit the contract's?
//!
//! What the client sends must be accepted: the served shape is at least as wide. What the
//! server sends must be known: the served shape is at most as wide.

use std::collections::BTreeSet;

use super::{
    schema::Side,
    shape::{Form, Kind, Shape},
};

/// A place where the served document does not fit, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// The place: `request/config<1>/scopes/[]#type` is the type of the items of `scopes` in
    /// the contract's first form of `config`. `*` stands for unknown properties.
    pub at: String,
    /// The difference, in words.
    pub what: String,
}

impl Gap {
    /// A gap in one aspect of a place.
    pub fn new(at: &str, aspect: &str, what: impl Into<String>) -> Self {
        Self { at: format!("{at}#{aspect}"), what: what.into() }
    }
}

/// Compares the shapes of one value.
pub fn gaps(side: Side, at: &str, contract: &Shape, served: &Shape) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let response = side == Side::Response;
    if response && served.nullable && !contract.nullable {
        gaps.push(Gap::new(at, "nullable", "may be null, which the contract does not know"));
    }
    if !response && contract.nullable && !served.nullable {
        gaps.push(Gap::new(at, "nullable", "null is refused, but the contract allows it"));
    }
    // Each form that the sender may choose needs a form on the other side that takes it.
    let (sent, taken) = if response { (served, contract) } else { (contract, served) };
    let mut used = BTreeSet::new();
    for (index, form) in sent.forms.iter().enumerate() {
        let fits = taken.forms.iter().enumerate().map(|(other_index, other)| {
            let (mine, theirs, index) =
                if response { (form, other, other_index) } else { (other, form, index) };
            let at = if contract.forms.len() > 1 { format!("{at}<{}>", index + 1) } else { at.to_owned() };
            // Forms are told apart by their properties first: many small gaps do not make it another form.
            let shared = theirs.properties.keys().filter(|name| mine.properties.contains_key(*name)).count();
            let alike = (mine.kind == theirs.kind, shared);
            (index, alike, FormFit { side, at, contract, theirs, mine }.gaps())
        });
        match fits.min_by_key(|(_, alike, gaps)| (!gaps.is_empty(), std::cmp::Reverse(*alike), gaps.len())) {
            None => gaps.push(Gap::new(at, "type", "the served document or the contract knows null alone")),
            Some((index, _, found)) => {
                used.insert(index);
                gaps.extend(found);
            }
        }
    }
    for (index, form) in contract.forms.iter().enumerate() {
        if response && form.kind == Kind::Object && !used.contains(&index) && !served.forms.is_empty() {
            gaps.push(Gap::new(
                &format!("{at}<{}>", index + 1),
                "missing",
                "this form of the contract is never served",
            ));
        }
    }
    gaps.sort();
    gaps.dedup();
    gaps
}

/// The comparison of one form of a value with one of the other side's.
struct FormFit<'a> {
    side: Side,
    at: String,
    /// All that the contract says of the value.
    contract: &'a Shape,
    /// The contract's form.
    theirs: &'a Form,
    /// The served form.
    mine: &'a Form,
}

impl FormFit<'_> {
    fn gaps(&self) -> Vec<Gap> {
        let Self { side, ref at, theirs, mine, .. } = *self;
        let (taker, sender) = if side == Side::Response { (theirs, mine) } else { (mine, theirs) };
        if !taker.kind.holds(sender.kind) {
            let what = format!("served as {}, but {} in the contract", mine.kind.name(), theirs.kind.name());
            return vec![Gap::new(at, "type", what)];
        }
        let mut gaps = Vec::new();
        self.values(&mut gaps);
        self.text(&mut gaps);
        if side != Side::Response {
            self.limits(&mut gaps);
        }
        if theirs.kind == Kind::Object && mine.kind == Kind::Object {
            self.object(&mut gaps);
        }
        if theirs.kind == Kind::Array && mine.kind == Kind::Array {
            let any = Shape::any();
            let items = |form: &Form| form.items.as_deref().unwrap_or(&any).clone();
            gaps.extend(self::gaps(side, &format!("{at}/[]"), &items(theirs), &items(mine)));
        }
        gaps
    }

    fn values(&self, gaps: &mut Vec<Gap>) {
        let (taker, sender) = match self.side {
            Side::Response => (&self.theirs.values, &self.mine.values),
            Side::Parameter | Side::Request => (&self.mine.values, &self.theirs.values),
        };
        match (taker, sender) {
            (None, _) => {}
            (Some(_), None) => gaps.push(Gap::new(
                &self.at,
                "enum",
                match self.side {
                    Side::Response => "may be anything, but the contract knows certain values only",
                    Side::Parameter | Side::Request => {
                        "takes certain values only, but the contract does not limit them"
                    }
                },
            )),
            (Some(taker), Some(sender)) => gaps.extend(sender.difference(taker).map(|value| {
                let what = match self.side {
                    Side::Response => "is a value that the contract does not know",
                    Side::Parameter | Side::Request => "is refused, but the contract allows it",
                };
                Gap::new(&self.at, &format!("enum/{}", value.trim_matches('"')), format!("{value} {what}"))
            })),
        }
    }

    fn text(&self, gaps: &mut Vec<Gap>) {
        let say = |it: &Option<String>| it.clone().unwrap_or_else(|| "none".to_owned());
        let (taker, sender) = match self.side {
            Side::Response => (self.theirs, self.mine),
            Side::Parameter | Side::Request => (self.mine, self.theirs),
        };
        if taker.format.is_some() && taker.format != sender.format {
            let what = format!(
                "served with format {}, but the contract has {}",
                say(&self.mine.format),
                say(&self.theirs.format)
            );
            gaps.push(Gap::new(&self.at, "format", what));
        }
        // A pattern in a response is a promise that a client has no use for.
        if self.side != Side::Response && taker.pattern.is_some() && taker.pattern != sender.pattern {
            let what = format!(
                "served with pattern {}, but the contract has {}",
                say(&self.mine.pattern),
                say(&self.theirs.pattern)
            );
            gaps.push(Gap::new(&self.at, "pattern", what));
        }
    }

    fn limits(&self, gaps: &mut Vec<Gap>) {
        for (name, mine) in &self.mine.limits {
            let theirs = self.theirs.limits.get(name);
            let narrower = match theirs {
                None => !(name.starts_with("min") && *name != "minimum" && *mine <= 0),
                Some(theirs) if name.starts_with("max") => mine < theirs,
                Some(theirs) => mine > theirs,
            };
            if narrower {
                let theirs = theirs.map_or("has none".to_owned(), |it| format!("says {it}"));
                gaps.push(Gap::new(&self.at, name, format!("served as {mine}, but the contract {theirs}")));
            }
        }
        if self.mine.unique && !self.theirs.unique {
            gaps.push(Gap::new(
                &self.at,
                "uniqueItems",
                "repeated items are refused, but the contract allows them",
            ));
        }
    }

    fn object(&self, gaps: &mut Vec<Gap>) {
        let Self { side, ref at, theirs, mine, .. } = *self;
        for (name, shape) in &theirs.properties {
            match mine.properties.get(name).or(mine.rest.as_deref()) {
                None => {
                    gaps.push(Gap::new(&format!("{at}/{name}"), "missing", "the contract has this property"))
                }
                Some(served) => gaps.extend(self::gaps(side, &format!("{at}/{name}"), shape, served)),
            }
        }
        for name in mine.required.difference(&theirs.required) {
            if side != Side::Response {
                gaps.push(Gap::new(
                    &format!("{at}/{name}"),
                    "required",
                    "required, but not so in the contract",
                ));
            }
        }
        for name in theirs.required.difference(&mine.required) {
            if theirs.properties.contains_key(name)
                && !mine.properties.contains_key(name)
                && mine.rest.is_none()
            {
                continue; // Reported as missing.
            }
            gaps.push(Gap::new(
                &format!("{at}/{name}"),
                "optional",
                "optional, but the contract requires it",
            ));
        }
        if theirs.closed != mine.closed {
            let name = |closed| if closed { "closed" } else { "open" };
            let what =
                format!("the object is {}, but {} in the contract", name(mine.closed), name(theirs.closed));
            gaps.push(Gap::new(at, "closed", what));
        }
        self.extra_properties(gaps);
        let rest = format!("{at}/*");
        match (theirs.rest.as_deref(), mine.rest.as_deref()) {
            (Some(theirs), Some(mine)) => gaps.extend(self::gaps(side, &rest, theirs, mine)),
            (Some(theirs), None) if side == Side::Response && !mine.closed => {
                gaps.extend(self::gaps(side, &rest, theirs, &Shape::any()));
            }
            (None, Some(mine)) if side != Side::Response && !theirs.closed => {
                gaps.extend(self::gaps(side, &rest, &Shape::any(), mine));
            }
            _ => {}
        }
    }

    /// What the served object has on top of the contract's.
    fn extra_properties(&self, gaps: &mut Vec<Gap>) {
        let Self { side, ref at, theirs, mine, .. } = *self;
        for (name, shape) in &mine.properties {
            // One served form may stand for several of the contract's.
            let elsewhere = side != Side::Response
                && self.contract.forms.iter().any(|it| it.properties.contains_key(name));
            if theirs.properties.contains_key(name) || elsewhere {
                continue;
            }
            let at = format!("{at}/{name}");
            if theirs.closed {
                gaps.push(Gap::new(&at, "extra", "the contract's object is closed and lacks this property"));
            } else if let Some(rest) = theirs.rest.as_deref() {
                gaps.extend(self::gaps(side, &at, rest, shape));
            }
        }
    }
}
