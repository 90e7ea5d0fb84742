//! `page[size]`, `page[number]`, `page[after]`, `page[before]`.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use super::Pair;
use crate::{Fault, Invalid};

/// How a collection pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PageStyle {
    /// By number, with a total.
    Number,
    /// By cursor, without.
    Cursor,
    /// Not at all: everything in one reply.
    Whole,
}

/// The page sizes that the operator allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// When the client names none.
    pub default_size: u32,
    /// The largest.
    pub max_size: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { default_size: 10, max_size: 1000 }
    }
}

/// A place in a cursor-paged list: before or after the row with this sequence number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cursor {
    /// From the first row on.
    Start,
    /// The rows behind this one.
    After(i64),
    /// The rows before this one.
    Before(i64),
}

impl Cursor {
    /// The opaque text for a sequence number.
    pub fn encode(seq: i64) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(format!("{{\"seq\":{seq}}}"))
    }

    fn decode(text: &str) -> Option<i64> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        text.strip_prefix("{\"seq\":")?.strip_suffix('}')?.parse().ok()
    }
}

/// Which part of a list.
#[derive(Clone, Copy, Debug)]
pub enum Page {
    /// A numbered page, from 1.
    Number {
        /// Which.
        number: i64,
        /// How many rows.
        size: u32,
    },
    /// The rows around a cursor.
    Cursor {
        /// Where.
        at: Cursor,
        /// How many rows.
        size: u32,
    },
    /// Everything.
    Whole,
}

pub(super) fn parse(pairs: &[Pair], style: PageStyle, limits: Limits, faults: &mut Vec<Invalid>) -> Page {
    let mut number = |name: &str, default: i64, most: i64| {
        let text = value(pairs, name)?;
        let fault = match text.parse::<i64>() {
            Ok(number) if number < 1 => Fault::TooSmall(1),
            Ok(number) if number > most => Fault::TooLarge(most),
            Ok(number) => return Some(number),
            Err(_) => Fault::NotAnInteger,
        };
        faults.push(Invalid::query(name, fault));
        Some(default)
    };
    // Far more pages than rows can exist, and no overflow when multiplied by a size.
    let last_number = i64::MAX >> 16;
    let default_size = i64::from(limits.default_size);
    let size = match style {
        PageStyle::Whole => None,
        _ => number("page[size]", default_size, i64::from(limits.max_size)),
    };
    let size = u32::try_from(size.unwrap_or(default_size)).unwrap_or(limits.max_size);
    match style {
        PageStyle::Whole => Page::Whole,
        PageStyle::Number => {
            Page::Number { number: number("page[number]", 1, last_number).unwrap_or(1), size }
        }
        PageStyle::Cursor => Page::Cursor { at: cursor(pairs, faults), size },
    }
}

/// A parameter that is there and not empty; empty means default (`allowEmptyValue`).
fn value<'p>(pairs: &'p [Pair], name: &str) -> Option<&'p str> {
    pairs.iter().find(|(given, _)| given == name)?.1.as_deref().filter(|text| !text.is_empty())
}

fn cursor(pairs: &[Pair], faults: &mut Vec<Invalid>) -> Cursor {
    let (name, text, build): (_, _, fn(i64) -> Cursor) =
        match (value(pairs, "page[after]"), value(pairs, "page[before]")) {
            (None, None) => return Cursor::Start,
            (Some(text), None) => ("page[after]", text, Cursor::After),
            (None, Some(text)) => ("page[before]", text, Cursor::Before),
            (Some(_), Some(_)) => {
                let fault = Fault::Dependent("cannot be combined with page[after]", vec!["page[after]"]);
                faults.push(Invalid::query("page[before]", fault));
                return Cursor::Start;
            }
        };
    Cursor::decode(text).map_or_else(
        || {
            faults.push(Invalid::query(name, Fault::Rule("is not a cursor of this list".to_owned())));
            Cursor::Start
        },
        build,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::pairs;

    fn page(raw: &str, style: PageStyle) -> Result<Page, Vec<Fault>> {
        let mut faults = Vec::new();
        let page = parse(&pairs(raw).unwrap(), style, Limits::default(), &mut faults);
        if faults.is_empty() { Ok(page) } else { Err(faults.into_iter().map(|fault| fault.fault).collect()) }
    }

    #[test]
    fn numbers_are_checked() {
        assert!(matches!(page("", PageStyle::Number), Ok(Page::Number { number: 1, size: 10 })));
        assert!(matches!(
            page("page%5Bsize%5D=100&page[number]=", PageStyle::Number),
            Ok(Page::Number { number: 1, size: 100 })
        ));
        for (raw, fault) in [
            ("page[size]=-1", Fault::TooSmall(1)),
            ("page[size]=0", Fault::TooSmall(1)),
            ("page[size]=1001", Fault::TooLarge(1000)),
            ("page[size]=1e9", Fault::NotAnInteger),
            ("page[size]=abc", Fault::NotAnInteger),
            ("page[number]=99999999999999999999", Fault::NotAnInteger),
        ] {
            assert_eq!(page(raw, PageStyle::Number).unwrap_err(), [fault], "{raw}");
        }
    }

    #[test]
    fn cursors_are_opaque_and_checked() {
        let raw = format!("page[after]={}", Cursor::encode(42));
        assert!(matches!(
            page(&raw, PageStyle::Cursor),
            Ok(Page::Cursor { at: Cursor::After(42), size: 10 })
        ));
        assert!(page("page[after]=x", PageStyle::Cursor).is_err());
        assert!(page(&format!("{raw}&page[before]=x"), PageStyle::Cursor).is_err());
    }
}
