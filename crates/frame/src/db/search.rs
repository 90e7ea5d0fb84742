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

/// The pieces of a search in the full-text language of SQLite; `None` if the term is too short.
pub(super) fn sqlite_match(org: OrgId, term: &str) -> Option<String> {
    let folded: Vec<char> = fold(term).chars().collect();
    if folded.len() < PIECE {
        return None;
    }
    let mut pieces: Vec<String> = vec![tag(org)];
    pieces.extend(folded.windows(PIECE).map(|piece| piece.iter().collect()));
    pieces.dedup();
    let quoted: Vec<String> =
        pieces.iter().map(|piece| format!("\"{}\"", piece.replace('"', "\"\""))).collect();
    Some(quoted.join(" AND "))
}

/// The `LIKE` pattern that finds the organization's tag in PostgreSQL's index; `None` if the term is too
/// short to be found there.
pub(super) fn postgres_tag(org: OrgId, term: &str) -> Option<String> {
    (fold(term).chars().count() >= PIECE).then(|| format!("%{}%", tag(org)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_becomes_its_pieces() {
        let org = OrgId::from_uuid(uuid::Uuid::nil());
        assert_eq!(sqlite_match(org, "Ab\"cd").as_deref(), Some(r#""000" AND "ab""" AND "b""c" AND """cd""#));
        assert_eq!(sqlite_match(org, "ab"), None);
        assert_eq!(search_text(org, &["Ann@X.co", "Ann Lee"]), "000\nann@x.co\nann lee");
    }
}
