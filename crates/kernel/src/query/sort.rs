//! `sort=<attribute>[ asc|desc][,…]`.

use super::{Collection, Field, Pair};
use crate::{Fault, Invalid};

/// Most attributes in one `sort`.
const MOST: usize = 8;

pub(super) fn parse(
    pairs: &[Pair],
    collection: &Collection,
    faults: &mut Vec<Invalid>,
) -> Vec<(&'static Field, bool)> {
    // A collection that sorts by nothing ignores the parameter, like any that it does not know.
    let sortable: Vec<&'static Field> = collection.fields.iter().filter(|field| field.sortable).collect();
    if sortable.is_empty() {
        return Vec::new();
    }
    let Some((_, Some(text))) = pairs.iter().find(|(name, _)| name == "sort") else { return Vec::new() };
    let choices = || sortable.iter().map(|field| field.name.to_owned()).collect();
    let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    if parts.len() > MOST {
        faults.push(Invalid::query("sort", Fault::TooManyItems(MOST)));
        return Vec::new();
    }
    let mut sort = Vec::new();
    for part in parts {
        let mut words = part.split_whitespace();
        let field = words.next().and_then(|name| sortable.iter().find(|field| field.name == name));
        let descending = match words.next() {
            None | Some("asc") => Some(false),
            Some("desc") => Some(true),
            Some(_) => None,
        };
        match (field, descending, words.next()) {
            (Some(field), Some(descending), None) => sort.push((*field, descending)),
            (None, ..) => faults.push(Invalid::query("sort", Fault::NotOneOf(choices()))),
            _ => faults.push(Invalid::query(
                "sort",
                Fault::Rule("must be \"attribute asc\" or \"attribute desc\"".to_owned()),
            )),
        }
    }
    sort
}

#[cfg(test)]
mod tests {
    use crate::query::{Collection, Field, Kind, Limits, ListQuery, Ops, pairs};

    static THINGS: Collection = Collection::numbered(
        "things",
        &[
            Field::text("name", Ops::EQ).sortable(),
            Field::text("kind", Ops::EQ),
            Field::order("rank", Kind::Int),
        ],
    );

    #[test]
    fn sorts_by_what_is_sortable_only() {
        let sort = |raw: &str| {
            ListQuery::parse(&pairs(raw).unwrap(), &THINGS, Limits::default()).map(|query| query.sort)
        };
        let read = sort("sort=name+desc,+name").unwrap();
        assert_eq!(
            read.iter().map(|(field, desc)| (field.name, *desc)).collect::<Vec<_>>(),
            [("name", true), ("name", false)]
        );
        assert!(sort("sort=rank+desc").is_ok());
        for bad in ["sort=kind", "sort=name+down", "sort=name+desc+x"] {
            assert!(sort(bad).is_err(), "{bad}");
        }
    }
}
