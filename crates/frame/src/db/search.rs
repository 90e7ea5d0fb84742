//! Searching large collections for texts that hold a text: an index over three-character pieces finds
//! candidates, the condition on the column itself decides.
//!
//! The indexed text begins with a tag of the organization in capitals, which folded text never has.

use kernel::OrgId;

use super::list::fold;

/// Shortest text that the index can find: one piece.
const PIECE: usize = 3;

/// Three characters for an organization. Organizations may share one; that costs time, not correctness.
fn tag(org: OrgId) -> String {
    const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    // The last bytes of a UUID v7 are its random ones.
    org.uuid().as_bytes()[13..].iter().map(|byte| char::from(DIGITS[usize::from(byte % 36)])).collect()
}

/// What is indexed of a row: its organization's tag and its searchable texts.
pub fn search_text(org: OrgId, texts: &[&str]) -> String {
    let mut all = tag(org);
    for text in texts {
        all.push('\n');
        all.push_str(&fold(text));
    }
    all
}

/// A search for any of these terms, by their pieces, in the full-text language of SQLite; `None` if one is
/// too short.
pub(super) fn sqlite_match(org: OrgId, terms: &[String]) -> Option<String> {
    let quoted = |piece: &str| format!("\"{}\"", piece.replace('"', "\"\""));
    let all_pieces = |term: &String| {
        let folded: Vec<char> = fold(term).chars().collect();
        let mut pieces: Vec<String> =
            folded.windows(PIECE).map(|piece| quoted(&piece.iter().collect::<String>())).collect();
        pieces.dedup();
        (!pieces.is_empty()).then(|| format!("({})", pieces.join(" AND ")))
    };
    let any: Vec<String> = terms.iter().map(all_pieces).collect::<Option<_>>()?;
    Some(format!("{} AND ({})", quoted(&tag(org)), any.join(" OR ")))
}

/// The `LIKE` pattern that finds the organization's tag in PostgreSQL's index; `None` if one of the terms is
/// too short to be found there.
pub(super) fn postgres_tag(org: OrgId, terms: &[String]) -> Option<String> {
    let long = |term: &String| fold(term).chars().count() >= PIECE;
    terms.iter().all(long).then(|| format!("%{}%", tag(org)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_becomes_its_pieces() {
        let org = OrgId::from_uuid(uuid::Uuid::nil());
        let of =
            |terms: &[&str]| sqlite_match(org, &terms.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&["Ab\"cd"]).as_deref(), Some(r#""000" AND (("ab""" AND "b""c" AND """cd"))"#));
        assert_eq!(of(&["Abcd", "xyz"]).as_deref(), Some(r#""000" AND (("abc" AND "bcd") OR ("xyz"))"#));
        assert_eq!((of(&["ab"]), of(&["abc", ""])), (None, None));
        assert_eq!(search_text(org, &["Ann@X.co", "Ann Lee"]), "000\nann@x.co\nann lee");
    }
}
